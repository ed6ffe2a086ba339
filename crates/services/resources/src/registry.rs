//! The resource types of this server, by name.

use std::collections::HashMap;

use gatepost_names::ResourceId;

use crate::ResourceError;
use crate::provider::{ResourceType, TypeInfo};

/// All resource types. Made once at start.
pub struct Registry {
    types: Vec<Box<dyn ResourceType>>,
    /// By `namespace/path` in lower case.
    by_name: HashMap<String, usize>,
}

impl Registry {
    /// A registry of these types.
    pub fn new(types: Vec<Box<dyn ResourceType>>) -> Registry {
        let by_name = types
            .iter()
            .enumerate()
            .map(|(at, kind)| (full_name(kind.info().namespace, kind.info().path), at))
            .collect();
        Registry { types, by_name }
    }

    /// The type `path` of a provider, ignoring letter case.
    ///
    /// # Errors
    /// [`ResourceError::InvalidResourceNamespace`], [`ResourceError::InvalidResourceType`].
    pub fn find(&self, namespace: &str, path: &str) -> Result<&dyn ResourceType, ResourceError> {
        match self.by_name.get(&full_name(namespace, path)).and_then(|at| self.types.get(*at)) {
            Some(kind) => Ok(&**kind),
            None if self.has_namespace(namespace) => Err(ResourceError::InvalidResourceType {
                kind: path.to_owned(),
                namespace: namespace.to_owned(),
            }),
            None => Err(ResourceError::InvalidResourceNamespace(namespace.to_owned())),
        }
    }

    /// The type of a resource. The resource must lie in a resource group and below no other provider's
    /// resource, as all types here do.
    ///
    /// # Errors
    /// As [`Registry::find`].
    pub fn of(&self, id: &ResourceId) -> Result<&dyn ResourceType, ResourceError> {
        let full = id.resource_type();
        let path = full.split_once('/').map_or("", |(_, path)| path);
        let kind = self.find(id.namespace(), path)?;
        let types = path.split('/').count();
        let in_group = id.scope().resource_group().is_some();
        // subscriptions/S/resourceGroups/G/providers/N and then a pair for each type.
        if in_group && id.scope().segments().count() == 6 + 2 * types {
            Ok(kind)
        } else {
            Err(ResourceError::InvalidResourceType {
                kind: path.to_owned(),
                namespace: id.namespace().to_owned(),
            })
        }
    }

    /// The type of a stored resource by its full name, in any letter case.
    pub fn named(&self, full: &str) -> Option<&dyn ResourceType> {
        self.by_name.get(&full.to_lowercase()).and_then(|at| self.types.get(*at)).map(|kind| &**kind)
    }

    /// Where in the order of registration the type of a resource's outermost parent stands.
    pub(crate) fn position_of_tree(&self, id: &ResourceId) -> usize {
        let outermost =
            id.resource_type().splitn(3, '/').take(2).collect::<Vec<_>>().join("/").to_lowercase();
        self.by_name.get(&outermost).copied().unwrap_or(usize::MAX)
    }

    /// What is fixed about each type, in the order of registration.
    pub fn infos(&self) -> impl Iterator<Item = &'static TypeInfo> {
        self.types.iter().map(|kind| kind.info())
    }

    /// Each type.
    pub fn types(&self) -> impl Iterator<Item = &dyn ResourceType> {
        self.types.iter().map(|kind| &**kind)
    }

    /// Whether a provider of this name has types here, ignoring letter case.
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.infos().any(|info| info.namespace.eq_ignore_ascii_case(namespace))
    }
}

fn full_name(namespace: &str, path: &str) -> String {
    format!("{namespace}/{path}").to_lowercase()
}
