//! The api-versions of what is no resource type of the registry: Microsoft.Resources, Microsoft.Authorization
//! and the mail queue. Newest first.

/// The api-version of a request, as far as a shape depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiVersion<'a>(&'a str);

impl<'a> ApiVersion<'a> {
    /// The version that a request asks for; that the type has it is for the edge to check.
    pub fn new(text: &'a str) -> ApiVersion<'a> {
        ApiVersion(text)
    }

    /// As it was written.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether it is the version of this day or a later one. Ours knows everything.
    pub(crate) fn since(self, day: &str) -> bool {
        self.is_own() || self.0.get(..10).is_some_and(|own| own >= day)
    }

    /// Whether it is our own, in which what Azure does not have may be asked for.
    pub(crate) fn is_own(self) -> bool {
        OWN.iter().any(|own| own.eq_ignore_ascii_case(self.0))
    }
}

/// Of subscriptions, resource groups, providers, resources, and of operations on them.
pub const RESOURCES: &[&str] = &[
    "2025-04-01",
    "2025-03-01",
    "2024-11-01",
    "2024-07-01",
    "2024-03-01",
    "2023-07-01",
    "2022-12-01",
    "2022-09-01",
    "2022-06-01",
    "2022-05-01",
    "2022-01-01",
    "2021-04-01",
    "2021-01-01",
    "2020-10-01",
    "2020-09-01",
    "2020-08-01",
    "2020-06-01",
    "2020-05-01",
    "2020-01-01",
    "2019-11-01",
    "2019-10-01",
    "2019-09-01",
    "2019-08-01",
    "2019-07-01",
    "2019-06-01",
    "2019-05-10",
    "2019-05-01",
    "2019-03-01",
    "2018-11-01",
    "2018-09-01",
    "2018-08-01",
    "2018-07-01",
    "2018-06-01",
    "2018-05-01",
    "2018-02-01",
    "2018-01-01",
    "2017-08-01",
    "2017-06-01",
    "2017-05-10",
    "2017-05-01",
    "2017-03-01",
    "2016-09-01",
    "2016-07-01",
    "2016-06-01",
    "2016-02-01",
    "2015-11-01",
    "2015-01-01",
    "2014-04-01-preview",
];

/// Of role definitions.
pub const ROLE_DEFINITIONS: &[&str] = &[
    "2022-05-01-preview",
    "2022-04-01",
    "2018-07-01",
    "2018-01-01-preview",
    "2017-10-01-preview",
    "2017-09-01",
    "2017-05-01",
    "2016-07-01",
    "2015-07-01",
    "2015-06-01",
];

/// Of role assignments.
pub const ROLE_ASSIGNMENTS: &[&str] = &[
    "2026-08-01",
    "2022-04-01",
    "2021-04-01-preview",
    "2020-10-01-preview",
    "2020-08-01-preview",
    "2020-04-01-preview",
    "2020-03-01-preview",
    "2019-04-01-preview",
    "2018-12-01-preview",
    "2018-09-01-preview",
    "2018-07-01",
    "2018-01-01-preview",
    "2017-10-01-preview",
    "2017-09-01",
    "2017-05-01",
    "2016-07-01",
    "2015-07-01",
    "2015-06-01",
    // Last: who leaves the version to the list takes the first.
    "2026-11-01-gatepost",
];

/// Of deny assignments. PUT and DELETE exist since 2024-07-01-preview.
pub const DENY_ASSIGNMENTS: &[&str] = &[
    "2026-09-01",
    "2024-07-01-preview",
    "2022-04-01",
    "2019-03-01-preview",
    "2018-07-01-preview",
    "2018-07-01",
    "2026-11-01-gatepost",
];

/// Of elevating one's access.
pub const ELEVATE_ACCESS: &[&str] =
    &["2022-04-01", "2018-01-01", "2017-05-01", "2016-07-01", "2015-07-01", "2015-06-01"];

/// Of locks.
pub const LOCKS: &[&str] =
    &["2020-05-01", "2017-04-01", "2016-09-01", "2015-06-01", "2015-05-01-preview", "2015-01-01"];

/// Of management groups.
pub const MANAGEMENT_GROUPS: &[&str] = &[
    "2024-02-01-preview",
    "2023-04-01",
    "2021-04-01",
    "2020-10-01",
    "2020-05-01",
    "2020-02-01",
    "2019-11-01",
    "2018-03-01-preview",
    "2018-01-01-preview",
];

/// Of the activity log.
pub const ACTIVITY_LOG: &[&str] = &["2017-03-01-preview", "2015-04-01", "2014-04-01"];

/// Of the caller's permissions.
pub const PERMISSIONS: &[&str] = &[
    "2022-05-01-preview",
    "2022-04-01",
    "2018-07-01",
    "2018-01-01-preview",
    "2016-07-01",
    "2015-07-01",
    "2015-06-01",
];

/// Of provider operations.
pub const PROVIDER_OPERATIONS: &[&str] = &[
    "2022-05-01-preview",
    "2022-04-01",
    "2018-07-01",
    "2018-01-01-preview",
    "2017-05-01",
    "2016-07-01",
    "2015-07-01",
    "2015-07-01-preview",
];

/// Of classic administrators.
pub const CLASSIC_ADMINISTRATORS: &[&str] = &["2015-07-01", "2015-06-01"];

/// Of what Azure does not have.
pub const OWN: &[&str] = &["2026-11-01-gatepost"];

/// The types of a namespace that the registry does not hold, with their versions.
pub(crate) fn of_namespace(namespace: &str) -> &'static [(&'static str, &'static [&'static str])] {
    match namespace {
        "Microsoft.Resources" => &[
            ("tenants", RESOURCES),
            ("subscriptions", RESOURCES),
            ("subscriptions/locations", RESOURCES),
            ("subscriptions/providers", RESOURCES),
            ("subscriptions/resourceGroups", RESOURCES),
            ("resourceGroups", RESOURCES),
            ("subscriptions/resources", RESOURCES),
            ("subscriptions/operationresults", RESOURCES),
            ("providers", RESOURCES),
            ("checkResourceName", RESOURCES),
        ],
        "Microsoft.Authorization" => &[
            ("roleAssignments", ROLE_ASSIGNMENTS),
            ("roleDefinitions", ROLE_DEFINITIONS),
            ("denyAssignments", DENY_ASSIGNMENTS),
            ("locks", LOCKS),
            ("elevateAccess", ELEVATE_ACCESS),
            ("classicAdministrators", CLASSIC_ADMINISTRATORS),
            ("permissions", PERMISSIONS),
            ("providerOperations", PROVIDER_OPERATIONS),
        ],
        "Microsoft.Management" => &[
            ("managementGroups", MANAGEMENT_GROUPS),
            ("managementGroups/subscriptions", MANAGEMENT_GROUPS),
            ("managementGroups/descendants", MANAGEMENT_GROUPS),
            ("getEntities", MANAGEMENT_GROUPS),
            ("checkNameAvailability", MANAGEMENT_GROUPS),
        ],
        "Microsoft.Insights" => &[("eventtypes", ACTIVITY_LOG), ("eventcategories", ACTIVITY_LOG)],
        crate::mail::NAMESPACE => &[("messages", OWN)],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_day() {
        for (version, day, expected) in [
            ("2018-01-01-preview", "2018-01-01", true),
            ("2017-10-01-preview", "2018-01-01", false),
            ("2026-11-01-GATEPOST", "2099-01-01", true),
            ("x", "2018-01-01", false),
        ] {
            assert_eq!(ApiVersion::new(version).since(day), expected, "{version}");
        }
    }
}
