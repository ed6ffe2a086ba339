//! gatepost-rbac
