//! gatepost-testkit
