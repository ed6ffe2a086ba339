//! The locations of a subscription. They say nothing about where this server is; clients choose among them.

use serde_json::{Value, json};

/// Name and display name. `global` is where communication resources are.
const LOCATIONS: &[(&str, &str)] = &[
    ("global", "Global"),
    ("australiacentral", "Australia Central"),
    ("australiaeast", "Australia East"),
    ("australiasoutheast", "Australia Southeast"),
    ("austriaeast", "Austria East"),
    ("belgiumcentral", "Belgium Central"),
    ("brazilsouth", "Brazil South"),
    ("canadacentral", "Canada Central"),
    ("canadaeast", "Canada East"),
    ("centralindia", "Central India"),
    ("centralus", "Central US"),
    ("chilecentral", "Chile Central"),
    ("eastasia", "East Asia"),
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("francecentral", "France Central"),
    ("germanywestcentral", "Germany West Central"),
    ("indonesiacentral", "Indonesia Central"),
    ("israelcentral", "Israel Central"),
    ("italynorth", "Italy North"),
    ("japaneast", "Japan East"),
    ("japanwest", "Japan West"),
    ("koreacentral", "Korea Central"),
    ("koreasouth", "Korea South"),
    ("malaysiawest", "Malaysia West"),
    ("mexicocentral", "Mexico Central"),
    ("newzealandnorth", "New Zealand North"),
    ("northcentralus", "North Central US"),
    ("northeurope", "North Europe"),
    ("norwayeast", "Norway East"),
    ("polandcentral", "Poland Central"),
    ("qatarcentral", "Qatar Central"),
    ("southafricanorth", "South Africa North"),
    ("southcentralus", "South Central US"),
    ("southindia", "South India"),
    ("southeastasia", "Southeast Asia"),
    ("spaincentral", "Spain Central"),
    ("swedencentral", "Sweden Central"),
    ("switzerlandnorth", "Switzerland North"),
    ("uaenorth", "UAE North"),
    ("uksouth", "UK South"),
    ("ukwest", "UK West"),
    ("westcentralus", "West Central US"),
    ("westeurope", "West Europe"),
    ("westindia", "West India"),
    ("westus", "West US"),
    ("westus2", "West US 2"),
    ("westus3", "West US 3"),
];

/// Whether there is such a location; the name in lower case and without spaces.
pub(crate) fn is_known(name: &str) -> bool {
    LOCATIONS.iter().any(|(known, _)| *known == name)
}

/// All names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    LOCATIONS.iter().map(|(name, _)| *name)
}

/// How people see a location.
pub(crate) fn display_name(name: &str) -> &str {
    LOCATIONS.iter().find(|(known, _)| *known == name).map_or(name, |(_, display)| display)
}

/// The locations as a subscription lists them.
pub(crate) fn all(subscription: &str) -> Vec<Value> {
    LOCATIONS
        .iter()
        .map(|(name, display)| {
            let category = if *name == "global" { "Other" } else { "Recommended" };
            let kind = if *name == "global" { "Logical" } else { "Physical" };
            json!({
                "id": format!("/subscriptions/{subscription}/locations/{name}"),
                "name": name,
                "type": "Region",
                "displayName": display,
                "regionalDisplayName": display,
                "metadata": {"regionType": kind, "regionCategory": category},
            })
        })
        .collect()
}
