//! Microsoft.Communication: communication services, e-mail services and all below them.
