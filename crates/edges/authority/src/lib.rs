//! gatepost-authority
