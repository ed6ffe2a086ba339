//! gatepost-mail
