//! gatepost
fn main() {}
