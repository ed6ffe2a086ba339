//! gatepost-oauth
