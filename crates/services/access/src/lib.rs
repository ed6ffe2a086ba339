//! gatepost-access
