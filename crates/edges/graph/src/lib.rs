//! gatepost-graph
