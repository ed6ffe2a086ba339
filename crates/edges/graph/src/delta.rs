//! Delta queries.

use gatepost_directory::{DeltaEntry, DeltaRequest, ObjectKind};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::error::GraphError;
use crate::options::Options;
use crate::reply::{collection_context, shown};
use crate::request::{Request, Routed};

impl Request<'_> {
    pub(crate) fn delta(&self, name: &str, kind: ObjectKind) -> Routed {
        self.only(&Method::GET, "GET")?;
        // `members` is no property of a group, but a delta query can select it.
        let (options, members) = self.delta_options(kind)?;
        let list = &options.list;
        let plain =
            list.filter.is_none() && list.search.is_none() && !list.count && options.expand.is_empty();
        if !plain || list.order != gatepost_directory::Order::Any {
            return Err(GraphError::unsupported_query("The query option is not supported in a delta query."));
        }
        let latest = options.delta.as_deref().is_some_and(|token| token.eq_ignore_ascii_case("latest"));
        let token = list.after.clone().or_else(|| options.delta.clone().filter(|_| !latest));
        let request = DeltaRequest { token, latest, top: list.top, members };
        let delta = self.directory.delta(self.caller, kind, &request)?;
        let select = options.select.as_deref();
        let of = format!("{}/$delta", collection_context(name, select));
        let mut body =
            Map::from_iter([("@odata.context".to_owned(), self.replies.context(self.version, &of))]);
        let url = format!("{}/{}/{name}/delta", self.replies.graph, self.version);
        if let Some(next) = &delta.next {
            let link = format!("{url}?{}", options.next_query(next));
            body.insert("@odata.nextLink".to_owned(), json!(link));
        }
        if let Some(token) = &delta.delta {
            let link = format!("{url}?{}", options.delta_query(token));
            body.insert("@odata.deltaLink".to_owned(), json!(link));
        }
        let values: Vec<Value> =
            delta.entries.into_iter().map(|entry| shown_entry(kind, entry, select)).collect();
        body.insert("value".to_owned(), Value::Array(values));
        Ok(self.replies.json(StatusCode::OK, &Value::Object(body)))
    }

    /// The options, and whether members are wanted.
    fn delta_options(&self, kind: ObjectKind) -> Result<(Options, bool), GraphError> {
        let mut call = self.call.clone();
        let mut members = true;
        if kind == ObjectKind::Group
            && let Some(select) = self.call.query_value("$select")
        {
            let is_members = |name: &&str| name.trim().eq_ignore_ascii_case("members");
            members = select.split(',').any(|name| is_members(&name));
            let rest: Vec<&str> = select.split(',').filter(|name| !is_members(name)).collect();
            let pairs = self.call.query_pairs().into_iter().map(|(key, value)| {
                let selects = key.eq_ignore_ascii_case("$select");
                (key.into_owned(), if selects { rest.join(",") } else { value.into_owned() })
            });
            call.query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        }
        let mut options = Options::parse(&call, Some(kind))?;
        if members && options.select.is_some() {
            options.keep_select(&self.call.query_value("$select").unwrap_or_default());
        }
        Ok((options, members))
    }
}

fn shown_entry(kind: ObjectKind, entry: DeltaEntry, select: Option<&[&'static str]>) -> Value {
    match entry {
        DeltaEntry::There(object, members) => {
            let mut body = shown(kind, &object, select);
            if let Some(id) = object.get("id") {
                body.insert("id".to_owned(), id.clone());
            }
            if !members.is_empty() {
                body.insert("members@delta".to_owned(), Value::Array(members));
            }
            Value::Object(body)
        }
        DeltaEntry::Gone(id, restorable) => {
            json!({"id": id, "@removed": {"reason": if restorable { "changed" } else { "deleted" }}})
        }
    }
}
