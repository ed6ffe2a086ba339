//! gatepost-directory
