//! How many assignments and custom roles there may be.

/// The limits of a tenant; those of Azure unless an operator sets others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Role assignments in a subscription: at it, its resource groups and its resources.
    pub assignments_in_subscription: u32,
    /// Role assignments at a management group.
    pub assignments_in_management_group: u32,
    /// Deny assignments in a subscription: at it, its resource groups and its resources.
    pub denies_in_subscription: u32,
    /// Deny assignments at a management group, at `/`, and at a service of the whole tenant.
    pub denies_in_management_group: u32,
    /// Custom roles of a tenant.
    pub custom_roles: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            assignments_in_subscription: 4000,
            assignments_in_management_group: 500,
            denies_in_subscription: 2000,
            denies_in_management_group: 500,
            custom_roles: 5000,
        }
    }
}
