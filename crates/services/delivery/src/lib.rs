//! gatepost-delivery
