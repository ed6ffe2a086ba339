//! `auditLogs/signIns`.

use gatepost_access::DirectoryAction;
use gatepost_clock::{Timestamp, arm_format, from_micros};
use gatepost_odata::{Comparison, Filter, Literal, Operand};
use gatepost_tokens::{SignInQuery, SignInRow};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::GraphError;
use crate::path::Segment;
use crate::request::{Request, Routed, members, shortened, split_key};

/// Sign-ins on a page if nothing is said, and at most.
const DEFAULT_TOP: usize = 100;
const MOST_TOP: usize = 1000;

/// What a list of sign-ins asks for: which, how many, and the options for the link to the next page.
type Asked = (SignInQuery, usize, Vec<(String, String)>);

impl Request<'_> {
    pub(crate) fn audit_logs(&self, rest: &[Segment]) -> Routed {
        self.only(&Method::GET, "GET")?;
        let Some((first, rest)) = rest.split_first().filter(|(first, _)| first.is("signIns")) else {
            let name = rest.first().map_or("auditLogs", |next| next.name.as_str());
            return Err(GraphError::unknown_segment(name));
        };
        self.directory.require(self.caller, DirectoryAction::ReadSignIns)?;
        let (key, rest) = split_key(first, rest)?;
        match (key, rest) {
            (_, [next, ..]) => Err(GraphError::unknown_segment(&next.name)),
            (None, []) => self.list_sign_ins(),
            (Some(key), []) => {
                let found = match Uuid::try_parse(&key.value) {
                    Ok(id) => self.tokens.sign_in(self.caller.tenant, id)?,
                    Err(_) => None,
                };
                let found = found.ok_or_else(|| GraphError::not_found(&shortened(&key.value)))?;
                Ok(self.single("auditLogs/signIns/$entity", members(shown(&found))))
            }
        }
    }

    fn list_sign_ins(&self) -> Routed {
        let (mut query, top, kept) = self.sign_in_query()?;
        query.limit = u32::try_from(top.saturating_add(1)).unwrap_or(u32::MAX);
        let mut found = self.tokens.sign_ins(self.caller.tenant, &query)?;
        let more = found.len() > top;
        found.truncate(top);
        let next = found.last().filter(|_| more).map(|last| {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&kept)
                .append_pair("$skiptoken", &format!("{}_{}", last.at, last.id))
                .finish();
            format!("{}?{query}", self.own_url())
        });
        Ok(self.page("auditLogs/signIns", found.iter().map(shown).collect(), None, next))
    }

    fn sign_in_query(&self) -> Result<Asked, GraphError> {
        let (mut query, mut top, mut kept) = (SignInQuery::default(), DEFAULT_TOP, Vec::new());
        for (key, value) in self.call.query_pairs() {
            match key.trim_start_matches('$').to_ascii_lowercase().as_str() {
                "top" => {
                    let number = value.trim().parse().ok().filter(|top| (1..=MOST_TOP).contains(top));
                    top = number.ok_or_else(|| {
                        GraphError::bad_request("Invalid page size specified: it must be between 1 and 1000.")
                    })?;
                }
                "filter" => read_filter(&value, &mut query)?,
                "skiptoken" => {
                    let mark = value
                        .split_once('_')
                        .and_then(|(at, id)| Some((at.parse::<i64>().ok()?, Uuid::try_parse(id).ok()?)));
                    query.before =
                        Some(mark.ok_or_else(|| GraphError::bad_request("The $skiptoken is invalid."))?);
                    continue;
                }
                "orderby" if value.trim().eq_ignore_ascii_case("createdDateTime desc") => {}
                "format" | "count" => {}
                _ if key.starts_with('$') => {
                    let text = format!("The query option '{}' is not supported.", shortened(&key));
                    return Err(GraphError::unsupported_query(text));
                }
                _ => continue,
            }
            kept.push((key.into_owned(), value.into_owned()));
        }
        Ok((query, top, kept))
    }
}

/// Sign-ins are found by user, by client and by time.
fn read_filter(text: &str, query: &mut SignInQuery) -> Result<(), GraphError> {
    let filter = gatepost_odata::parse(text)
        .map_err(|error| GraphError::bad_request(format!("Invalid filter clause: {error}")))?;
    let unsupported = || GraphError::bad_request("Invalid filter clause");
    for part in filter.conjuncts() {
        if let Some((path, text)) = part.text_equality() {
            if path.is(&["userId"]) {
                query.user = Some(text.parse().map_err(|_| unsupported())?);
                continue;
            }
            if path.is(&["appId"]) {
                query.app_id = Some(text.parse().map_err(|_| unsupported())?);
                continue;
            }
        }
        let Filter::Compare { left: Operand::Path(path), comparison, right: Operand::Literal(value) } = part
        else {
            return Err(unsupported());
        };
        let at = match value {
            Literal::Bare(text) | Literal::Text(text) => text.parse::<Timestamp>().ok(),
            _ => None,
        };
        let at = at.filter(|_| path.is(&["createdDateTime"])).ok_or_else(unsupported)?.as_microsecond();
        match comparison {
            Comparison::GreaterOrEqual => query.since = Some(at),
            Comparison::Greater => query.since = Some(at.saturating_add(1)),
            Comparison::Less => query.until = Some(at),
            Comparison::LessOrEqual => query.until = Some(at.saturating_add(1)),
            Comparison::Equal | Comparison::NotEqual => return Err(unsupported()),
        }
    }
    Ok(())
}

/// A sign-in as Microsoft Graph shows it.
fn shown(row: &SignInRow) -> Value {
    json!({
        "id": row.id,
        "createdDateTime": arm_format(from_micros(row.at)),
        "userDisplayName": row.user_name.as_deref().unwrap_or_default(),
        "userPrincipalName": row.login.as_deref().unwrap_or_default(),
        "userId": row.user.map(|id| id.to_string()).unwrap_or_default(),
        "appId": row.app_id,
        "appDisplayName": row.app_name,
        "ipAddress": row.address,
        "clientAppUsed": row.client_app,
        "correlationId": row.correlation,
        "conditionalAccessStatus": "notApplied",
        "isInteractive": row.kind == "interactiveUser",
        "signInEventTypes": [row.kind],
        "riskState": "none",
        "resourceDisplayName": row.resource_name,
        "resourceId": row.resource_id,
        "servicePrincipalId": row.service_principal,
        "status": {
            "errorCode": row.code,
            "failureReason": if row.code == 0 { "Other." } else { row.reason.as_str() },
            "additionalDetails": null,
        },
    })
}
