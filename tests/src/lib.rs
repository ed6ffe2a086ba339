//! gatepost-tests
