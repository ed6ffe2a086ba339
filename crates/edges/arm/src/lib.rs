//! gatepost-arm
