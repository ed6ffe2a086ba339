//! `$filter` and `$select` of the activity log. Azure takes a span of time and at most one of a few narrowing
//! equalities; the Azure CLI adds the caller and the status.

use gatepost_clock::Timestamp;
use gatepost_names::Scope;
use gatepost_odata::{Comparison, Filter, Literal, Operand, Path};
use gatepost_store::activity::{Narrowing, StoredEvent};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::ResourceError;

/// The members of an event that `$select` may name.
const MEMBERS: &[&str] = &[
    "authorization",
    "caller",
    "category",
    "channels",
    "claims",
    "correlationId",
    "description",
    "eventDataId",
    "eventName",
    "eventTimestamp",
    "httpRequest",
    "id",
    "level",
    "operationId",
    "operationName",
    "properties",
    "resourceGroupName",
    "resourceId",
    "resourceProviderName",
    "resourceType",
    "status",
    "subStatus",
    "submissionTimestamp",
    "subscriptionId",
    "tenantId",
];

/// Which events are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EventFilter {
    /// In microseconds, both inclusive.
    pub(super) from: i64,
    pub(super) until: i64,
    /// What an index answers.
    pub(super) narrowing: Narrowing,
    // What is looked for in the events that are left, in lower case.
    provider: Option<String>,
    caller: Option<String>,
    operation: Option<String>,
    succeeded: Option<bool>,
    /// Something is asked for that no event here has.
    nothing: bool,
}

impl EventFilter {
    /// Reads a filter; it must say at least when the span of time begins.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`].
    pub(super) fn parse(text: Option<&str>) -> Result<EventFilter, ResourceError> {
        let text = text.map(str::trim).filter(|text| !text.is_empty()).ok_or_else(no_start)?;
        let filter = gatepost_odata::parse(text).map_err(|_| crate::listing::invalid(text))?;
        let mut read = EventFilter {
            from: i64::MIN,
            until: i64::MAX,
            narrowing: Narrowing::All,
            provider: None,
            caller: None,
            operation: None,
            succeeded: None,
            nothing: false,
        };
        for part in filter.conjuncts() {
            read.read(part).ok_or_else(|| crate::listing::invalid(text))?;
        }
        if read.from == i64::MIN {
            return Err(no_start());
        }
        if read.until < read.from {
            return Err(bad("The end of the time span in the $filter is before its start.".to_owned()));
        }
        // Without anything else to narrow by, the caller has an index too.
        if let (Narrowing::All, Some(caller)) = (&read.narrowing, &read.caller) {
            read.narrowing = Narrowing::Caller(caller.clone());
        }
        Ok(read)
    }

    /// Reads one of the conditions; `None` if it is none of those that there are, or there twice.
    fn read(&mut self, part: &Filter) -> Option<()> {
        if let Some((comparison, at)) = time_bound(part) {
            let bound = match comparison {
                Comparison::GreaterOrEqual | Comparison::Greater if self.from == i64::MIN => &mut self.from,
                Comparison::LessOrEqual | Comparison::Less if self.until == i64::MAX => &mut self.until,
                _ => return None,
            };
            *bound = at;
            return Some(());
        }
        let (path, value) = part.text_equality()?;
        let key = value.to_lowercase();
        if path.is(&["resourceGroupName"]) {
            self.narrow(Narrowing::Group(key))
        } else if path.is(&["resourceUri"]) || path.is(&["resourceId"]) {
            self.narrow(Narrowing::Resource(key.trim_end_matches('/').to_owned()))
        } else if path.is(&["correlationId"]) {
            let id = Uuid::try_parse(value).ok();
            self.nothing |= id.is_none();
            self.narrow(Narrowing::Correlation(id.unwrap_or_default()))
        } else if path.is(&["resourceProvider"]) && self.narrowing == Narrowing::All {
            set(&mut self.provider, key)
        } else if path.is(&["caller"]) {
            set(&mut self.caller, key)
        } else if path.is(&["operationName"]) || path.is(&["operations"]) {
            set(&mut self.operation, key)
        } else if path.is(&["status"]) {
            self.nothing |= key != "succeeded" && key != "failed";
            set(&mut self.succeeded, key == "succeeded")
        } else if path.is(&["category"]) {
            self.nothing |= key != "administrative";
            Some(())
        } else if path.is(&["eventChannels"]) {
            // Older clients always send it; all events here are of both channels.
            Some(())
        } else {
            None
        }
    }

    fn narrow(&mut self, narrowing: Narrowing) -> Option<()> {
        let first = self.narrowing == Narrowing::All && self.provider.is_none();
        self.narrowing = narrowing;
        first.then_some(())
    }

    /// Whether an event that the index found is wanted.
    pub(super) fn matches(&self, event: &StoredEvent) -> bool {
        let is = |wanted: &Option<String>, key: &str| wanted.as_ref().is_none_or(|wanted| wanted == key);
        is(&self.provider, &event.provider_key)
            && is(&self.caller, &event.caller_key)
            && is(&self.operation, &event.operation_key)
            && self.succeeded.is_none_or(|succeeded| succeeded == event.succeeded)
    }

    /// Whether no event can match.
    pub(super) fn is_empty(&self) -> bool {
        self.nothing
    }

    /// The part of the subscription that alone is asked about, if it is one: who may read there needs no right in
    /// the rest.
    pub(super) fn part_of(&self, log: &Scope) -> Option<Scope> {
        log.subscription_id()?;
        let part = match &self.narrowing {
            Narrowing::Group(name) => log.join(&format!("resourceGroups/{name}")).ok()?,
            Narrowing::Resource(id) => Scope::parse(id).ok()?,
            _ => return None,
        };
        log.contains(&part).then_some(part)
    }
}

fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// `eventTimestamp ge '..'` and the like, with the time in microseconds.
fn time_bound(part: &Filter) -> Option<(Comparison, i64)> {
    let Filter::Compare { left: Operand::Path(path), comparison, right: Operand::Literal(literal) } = part
    else {
        return None;
    };
    let text = match literal {
        Literal::Text(text) | Literal::Bare(text) => text,
        _ => return None,
    };
    is_time(path).then(|| time_of(text))?.map(|at| (*comparison, at))
}

fn is_time(path: &Path) -> bool {
    path.is(&["eventTimestamp"])
}

/// A time as clients write it: with a zone, without one (it is UTC then), or a day alone. A `+` of a zone may
/// have become a space on the way.
fn time_of(text: &str) -> Option<i64> {
    let text = text.trim();
    let repaired = text.replacen(' ', "+", 1);
    let spellings = [text.to_owned(), format!("{text}Z"), format!("{text}T00:00:00Z"), repaired.clone()];
    spellings.iter().find_map(|text| text.parse::<Timestamp>().ok()).map(Timestamp::as_microsecond)
}

fn no_start() -> ResourceError {
    bad("The $filter must say when the time span begins: eventTimestamp ge '2026-01-31T00:00:00Z'."
        .to_owned())
}

fn bad(message: String) -> ResourceError {
    ResourceError::BadRequest { code: "BadRequest", message }
}

/// The members of an event that are wanted; `None` for all.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selected(Option<Vec<&'static str>>);

impl Selected {
    /// Reads `$select`: names between commas, ignoring letter case.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`] for a name that no event has.
    pub(super) fn parse(text: Option<&str>) -> Result<Selected, ResourceError> {
        let names = text.unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty());
        let found: Vec<&'static str> = names
            .map(|name| {
                let known = MEMBERS.iter().find(|known| known.eq_ignore_ascii_case(name));
                known.copied().ok_or_else(|| bad(format!("The $select value '{name}' is not valid.")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Selected((!found.is_empty()).then_some(found)))
    }

    /// Leaves what is not wanted out of an event.
    pub(super) fn apply(&self, event: &mut Map<String, Value>) {
        if let Some(names) = &self.0 {
            event.retain(|name, _| names.contains(&name.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "eventTimestamp ge '2026-01-01T00:00:00.5Z'";

    fn parse(text: &str) -> Result<EventFilter, ResourceError> {
        EventFilter::parse(Some(text))
    }

    #[test]
    fn times_are_read_as_clients_write_them() {
        let at = 1_767_225_600_000_000;
        for text in [
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.0000000Z",
            "2026-01-01T00:00:00.000000",
            "2026-01-01T00:00:00",
            "2026-01-01",
            "2026-01-01T01:00:00+01:00",
            "2026-01-01T01:00:00 01:00",
        ] {
            assert_eq!(time_of(text), Some(at), "{text}");
        }
        for wrong in ["", "yesterday", "2026-13-01", "1767225600"] {
            assert_eq!(time_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn filters_of_the_clients_are_read() {
        let read = parse(&format!("{FROM} and eventTimestamp le '2026-01-02T00:00:00Z'")).unwrap();
        assert_eq!((read.from, read.until), (1_767_225_600_500_000, 1_767_312_000_000_000));
        // The Azure CLI leaves the quotes and the zone away.
        let read =
            parse("eventTimestamp ge 2026-01-01T00:00:00.500000 and eventTimestamp le 2026-01-02T00:00:00");
        assert_eq!(read.unwrap().from, 1_767_225_600_500_000);
        for (rest, narrowing) in [
            ("resourceGroupName eq 'RG'", Narrowing::Group("rg".into())),
            ("resourceUri eq '/Subscriptions/x/'", Narrowing::Resource("/subscriptions/x".into())),
            ("resourceId eq '/x'", Narrowing::Resource("/x".into())),
            (
                "correlationId eq '6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11'",
                Narrowing::Correlation("6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11".parse().unwrap()),
            ),
            ("resourceProvider eq 'A.B'", Narrowing::All),
            ("caller eq 'Anna@x'", Narrowing::Caller("anna@x".into())),
            (
                "resourceGroupName eq 'rg' and caller eq 'a' and status eq 'Failed'",
                Narrowing::Group("rg".into()),
            ),
            ("eventChannels eq 'Admin, Operation'", Narrowing::All),
        ] {
            assert_eq!(parse(&format!("{FROM} and {rest}")).unwrap().narrowing, narrowing, "{rest}");
        }
        assert!(parse(&format!("{FROM} and correlationId eq 'x'")).unwrap().is_empty());
        assert!(parse(&format!("{FROM} and status eq 'Started'")).unwrap().is_empty());
    }

    #[test]
    fn other_filters_are_refused() {
        assert!(EventFilter::parse(None).is_err());
        for wrong in [
            "",
            "resourceGroupName eq 'rg'",
            "eventTimestamp le '2026-01-02T00:00:00Z'",
            "eventTimestamp ge 'soon'",
            "eventTimestamp ge '2026-01-02T00:00:00Z' and eventTimestamp le '2026-01-01T00:00:00Z'",
            &format!("{FROM} and {FROM}"),
            &format!("{FROM} or {FROM}"),
            &format!("{FROM} and resourceGroupName eq 'a' and resourceUri eq '/b'"),
            &format!("{FROM} and resourceGroupName eq 'a' and resourceProvider eq 'b'"),
            &format!("{FROM} and resourceProvider eq 'b' and resourceGroupName eq 'a'"),
            &format!("{FROM} and caller eq 'a' and caller eq 'b'"),
            &format!("{FROM} and level eq 'Error'"),
            &format!("{FROM} and startswith(caller, 'a')"),
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn members_are_selected() {
        let mut event: Map<String, Value> =
            [("status", "x"), ("level", "y")].map(|(k, v)| (k.to_owned(), v.into())).into_iter().collect();
        Selected::parse(Some(" Status , claims")).unwrap().apply(&mut event);
        assert_eq!(event.keys().collect::<Vec<_>>(), ["status"]);
        assert!(Selected::parse(Some("secret")).is_err());
        assert_eq!(Selected::parse(Some(" ")).unwrap(), Selected(None));
    }
}
