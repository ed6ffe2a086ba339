//! gatepost-submission
