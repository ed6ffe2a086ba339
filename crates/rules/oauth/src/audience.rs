//! The resources that tokens are for, and the many ways in which clients spell them.
//!
//! A client names a resource by a URI of its own choosing among those that the resource is known by; the token's
//! `aud` repeats the client's spelling, and the resource accepts all of them.

use gatepost_names::{ApplicationId, Origins};
use uuid::uuid;

use crate::SignInError;

/// Bytes of the longest audience that is looked at.
pub const MAX_AUDIENCE: usize = 512;

/// An API of this server that takes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Azure Resource Manager.
    ResourceManager,
    /// Microsoft Graph.
    Graph,
    /// Communication Services: the e-mail data plane, and SMTP with a token.
    Communication,
}

impl Resource {
    /// All of them.
    pub const ALL: [Resource; 3] = [Resource::ResourceManager, Resource::Graph, Resource::Communication];

    /// The resource's application id.
    pub fn app_id(self) -> ApplicationId {
        ApplicationId(match self {
            Resource::ResourceManager => uuid!("797f4846-ba00-4fd7-ba43-dac1f8f63013"),
            Resource::Graph => uuid!("00000003-0000-0000-c000-000000000000"),
            Resource::Communication => uuid!("1fd5118e-2576-4263-8130-9503064c837a"),
        })
    }

    /// The URIs by which the resource is known in Azure itself.
    fn azure_uris(self) -> &'static [&'static str] {
        match self {
            Resource::ResourceManager => {
                &["https://management.azure.com", "https://management.core.windows.net"]
            }
            Resource::Graph => &["https://graph.microsoft.com"],
            Resource::Communication => &["https://communication.azure.com"],
        }
    }
}

/// Which resource each spelling names on this server.
#[derive(Clone, Debug)]
pub struct Audiences {
    /// Without trailing slashes.
    spellings: Vec<(String, Resource)>,
}

impl Audiences {
    /// The spellings on a server that answers at `origins`.
    pub fn new(origins: &Origins) -> Audiences {
        let mut spellings = Vec::new();
        for resource in Resource::ALL {
            let origin = match resource {
                Resource::ResourceManager => &origins.resource_manager,
                Resource::Graph => &origins.graph,
                Resource::Communication => &origins.email,
            };
            spellings.push((bare_audience(origin).to_owned(), resource));
            spellings.extend(resource.azure_uris().iter().map(|uri| ((*uri).to_owned(), resource)));
            spellings.push((resource.app_id().to_string(), resource));
        }
        Audiences { spellings }
    }

    /// The resource that an audience names, by any of its spellings.
    pub fn resource(&self, audience: &str) -> Option<Resource> {
        self.spellings
            .iter()
            .find(|(spelling, _)| same_audience(spelling, audience))
            .map(|(_, resource)| *resource)
    }
}

/// Whether two texts name one audience: `x` and `x/` do. Letter case is ignored, as in a URI's host.
pub fn same_audience(one: &str, other: &str) -> bool {
    bare_audience(one).eq_ignore_ascii_case(bare_audience(other))
}

/// An audience without the slash at its end, of which it may have one.
pub fn bare_audience(audience: &str) -> &str {
    audience.strip_suffix('/').unwrap_or(audience)
}

/// An audience that a request names.
pub(crate) fn read_audience(text: &str) -> Result<&str, SignInError> {
    if text.len() > MAX_AUDIENCE { Err(SignInError::Malformed) } else { Ok(text) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn origins() -> Origins {
        Origins {
            portal: "https://localhost:8443".to_owned(),
            authority: "https://localhost:8444".to_owned(),
            resource_manager: "https://localhost:8445".to_owned(),
            graph: "https://localhost:8446".to_owned(),
            email: "https://localhost:8447".to_owned(),
            provisioning: "https://localhost:8448".to_owned(),
        }
    }

    #[test]
    fn every_spelling_names_its_resource() {
        let audiences = Audiences::new(&origins());
        for (spelling, resource) in [
            ("https://localhost:8445", Resource::ResourceManager),
            ("https://management.azure.com", Resource::ResourceManager),
            ("https://management.core.windows.net", Resource::ResourceManager),
            ("797f4846-ba00-4fd7-ba43-dac1f8f63013", Resource::ResourceManager),
            ("https://localhost:8446", Resource::Graph),
            ("https://graph.microsoft.com", Resource::Graph),
            ("00000003-0000-0000-c000-000000000000", Resource::Graph),
            ("https://communication.azure.com", Resource::Communication),
            ("https://localhost:8447", Resource::Communication),
            ("1fd5118e-2576-4263-8130-9503064c837a", Resource::Communication),
        ] {
            for text in [spelling.to_owned(), format!("{spelling}/")] {
                assert_eq!(audiences.resource(&text), Some(resource), "{text}");
                assert_eq!(audiences.resource(&text.to_uppercase()), Some(resource), "{text}");
            }
        }
    }

    #[test]
    fn what_only_looks_alike_names_nothing() {
        let audiences = Audiences::new(&origins());
        for text in [
            "",
            "/",
            "https://localhost:8444",
            "https://localhost:84450",
            "https://localhost",
            "https://management.azure.com.example",
            "https://management.azure.com//",
            "https://management.azure.com/x",
            "http://management.azure.com",
            // The same application's other name, for calling; no token of ours is for that.
            "https://auth.msft.communication.azure.com",
        ] {
            assert_eq!(audiences.resource(text), None, "{text}");
        }
    }
}
