//! The api-versions of what is no resource type of the registry: Microsoft.Resources, Microsoft.Authorization
//! and the mail queue. Newest first.

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
];

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
            ("classicAdministrators", CLASSIC_ADMINISTRATORS),
            ("permissions", PERMISSIONS),
            ("providerOperations", PROVIDER_OPERATIONS),
        ],
        crate::mail::NAMESPACE => &[("messages", OWN)],
        _ => &[],
    }
}
