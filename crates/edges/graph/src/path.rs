//! Paths of Microsoft Graph: `/v1.0/applications(appId='…')/addPassword`.
//!
//! Empty segments are dropped (clients double slashes), names ignore letter case, each segment is
//! percent-decoded once. `.` and `..` are no names here, in any spelling.

use percent_encoding::percent_decode_str;

use crate::error::GraphError;

/// Most segments of a path.
const MOST_SEGMENTS: usize = 12;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// What stands before a key in parentheses, or all of it.
    pub(crate) name: String,
    /// The key in parentheses.
    pub(crate) key: Option<Key>,
}

/// A key in parentheses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The property, where it is named: `appId`.
    pub(crate) property: Option<String>,
    /// The value, without its quotes.
    pub(crate) value: String,
}

impl Segment {
    /// Whether the name is this; letter case and a namespace before it are ignored.
    pub(crate) fn is(&self, name: &str) -> bool {
        let own = self.name.as_str();
        own.eq_ignore_ascii_case(name)
            || own.rsplit_once('.').is_some_and(|(namespace, own)| {
                namespace.eq_ignore_ascii_case("microsoft.graph") && own.eq_ignore_ascii_case(name)
            })
    }
}

/// The version of a path as it is written in links, and the steps after it.
///
/// # Errors
/// 400 for a path that no resource can have.
pub(crate) fn parse(path: &str) -> Result<(&'static str, Vec<Segment>), GraphError> {
    let mut raw = path.split('/').filter(|segment| !segment.is_empty());
    let version = decode(raw.next().unwrap_or_default())?;
    let version = ["v1.0", "beta"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(&version))
        .ok_or_else(|| GraphError::bad_request(format!("Invalid version: {}", shown(&version))))?;
    let segments: Vec<Segment> = raw.take(MOST_SEGMENTS + 1).map(segment).collect::<Result<_, _>>()?;
    match segments.get(MOST_SEGMENTS) {
        Some(beyond) => Err(GraphError::unknown_segment(shown(&beyond.name))),
        None => Ok((version, segments)),
    }
}

fn decode(raw: &str) -> Result<String, GraphError> {
    percent_decode_str(raw)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| GraphError::bad_request("The request URI is not valid: it is not UTF-8."))
}

fn segment(raw: &str) -> Result<Segment, GraphError> {
    let text = decode(raw)?;
    let unknown = || GraphError::unknown_segment(shown(&text));
    if text == "." || text == ".." || text.chars().any(char::is_control) {
        return Err(unknown());
    }
    let Some((name, rest)) = text.split_once('(') else { return Ok(Segment { name: text, key: None }) };
    let inner = rest.strip_suffix(')').ok_or_else(unknown)?;
    // The property of a named key stands before the first quote.
    let (property, value) = match inner.split_once('=') {
        Some((property, value)) if !property.contains('\'') => (Some(property.trim().to_owned()), value),
        _ => (None, inner),
    };
    let value = match value.trim().strip_prefix('\'') {
        None => value.trim().to_owned(),
        Some(quoted) => unquote(quoted).ok_or_else(unknown)?,
    };
    Ok(Segment { name: name.to_owned(), key: Some(Key { property, value }) })
}

/// What stands before the closing quote, with doubled quotes made single; `None` if the quote does not end it.
fn unquote(quoted: &str) -> Option<String> {
    let inner = quoted.strip_suffix('\'')?;
    let single = inner.replace("''", "");
    (!single.contains('\'')).then(|| inner.replace("''", "'"))
}

/// The beginning of a text that goes into an error message.
fn shown(text: &str) -> &str {
    match text.char_indices().nth(100) {
        Some((end, _)) => text.split_at_checked(end).map_or(text, |(beginning, _)| beginning),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str) -> Result<Vec<String>, String> {
        let (version, segments) = parse(path).map_err(|error| error.message)?;
        let named = segments.into_iter().map(|segment| match segment.key {
            None => segment.name,
            Some(key) => format!("{}[{:?}={}]", segment.name, key.property.unwrap_or_default(), key.value),
        });
        Ok(std::iter::once(version.to_owned()).chain(named).collect())
    }

    #[test]
    fn paths_that_clients_send() {
        for (path, expected) in [
            ("/v1.0/applications", &["v1.0", "applications"][..]),
            ("//V1.0//applications/", &["v1.0", "applications"]),
            ("/beta/applications(appId='a-b')", &["beta", "applications[\"appId\"=a-b]"]),
            (
                "/v1.0/applications(appId=%27a%27)/addPassword",
                &["v1.0", "applications[\"appId\"=a]", "addPassword"],
            ),
            ("/v1.0/users('$x@y=z')", &["v1.0", "users[\"\"=$x@y=z]"]),
            ("/v1.0/users('it''s')", &["v1.0", "users[\"\"=it's]"]),
            ("/v1.0/users/a%23EXT%23@b", &["v1.0", "users", "a#EXT#@b"]),
            ("/v1.0/users/a%2523", &["v1.0", "users", "a%23"]),
        ] {
            assert_eq!(names(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn paths_that_lead_nowhere() {
        for path in [
            "/",
            "/v2.0/applications",
            "/v1.0/../applications",
            "/v1.0/%2e%2e/x",
            "/v1.0/%2E/x",
            "/v1.0/users('a",
            "/v1.0/users('a'b')",
            "/v1.0/x%00",
            "/v1.0/%ff",
            "/v1.0/a/b/c/d/e/f/g/h/i/j/k/l/m",
        ] {
            assert!(names(path).is_err(), "{path}");
        }
        assert_eq!(names("/v1.0/%2e%2e/x").unwrap_err(), "Resource not found for the segment '..'.");
    }

    #[test]
    fn a_name_may_carry_its_namespace() {
        let segment = |name: &str| Segment { name: name.to_owned(), key: None };
        assert!(segment("microsoft.graph.AddPassword").is("addPassword"));
        assert!(!segment("other.addPassword").is("addPassword"));
    }
}
