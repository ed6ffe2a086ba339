//! gatepost-odata
