//! gatepost-smtp
