//! gatepost-resources
