//! The activity log as its readers see it.

use std::net::IpAddr;

use gatepost_access::Caller;
use gatepost_clock::{Timestamp, arm_format, from_micros};
use gatepost_names::{ObjectId, Scope, SubscriptionId, TenantId};
use gatepost_store::activity::{self as log, RefusedRow, StoredEvent, Wanted};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::READ;
use super::filter::{EventFilter, Selected};
use crate::request::{Listing, Page};
use crate::{ResourceError, Resources, tree};

/// Most events of a page, as in Azure.
const PAGE: u32 = 200;
/// Events read at a time, and most of them for one page: a filter that hardly any event passes gives short pages.
const BATCH: u32 = 500;
const MOST_READ: usize = 20_000;

/// A refusal that the log has: what an administrator needs in order to have it explained.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedRequest {
    /// When it was refused first.
    pub at: Timestamp,
    /// Who was refused.
    pub object_id: ObjectId,
    /// How error texts name the caller.
    pub client: String,
    /// Which action.
    pub action: String,
    /// Where.
    pub scope: Scope,
    /// From where the request came.
    pub address: Option<IpAddr>,
    /// What was missing, as it was then.
    pub reason: String,
}

impl Resources {
    /// Keeps events for so many days instead of [`super::DAYS_KEPT`].
    #[must_use]
    pub fn with_retention(self, days: u32) -> Resources {
        self.recorder().keep_for(days);
        self
    }

    /// Begins to let old events go: once the server starts.
    pub fn purge_activity(&self) {
        self.recorder().purge_if_due();
    }

    /// The events of a subscription, or of what is in none (`None`), newest first.
    ///
    /// Who may read the log of a resource group or a resource only may ask for that alone.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::BadRequest`] for a filter that Azure does not take.
    pub fn events(
        &self,
        caller: &Caller,
        subscription: Option<SubscriptionId>,
        filter: Option<&str>,
        select: Option<&str>,
        page: &Page,
    ) -> Result<Listing, ResourceError> {
        let place = subscription.map_or_else(Scope::root, Scope::subscription);
        let filter = EventFilter::parse(filter);
        let part = filter.as_ref().ok().and_then(|filter| filter.part_of(&place));
        self.authorize(caller, READ, part.as_ref().unwrap_or(&place))?;
        let (filter, selected) = (filter?, Selected::parse(select)?);
        let before = page.position()?;
        if filter.is_empty() {
            return Ok(Listing::default());
        }
        self.recorder().flush();
        let wanted = Wanted {
            tenant: caller.tenant,
            subscription,
            narrowing: filter.narrowing.clone(),
            from: filter.from,
            until: filter.until,
            before,
            limit: BATCH,
        };
        self.page_of_events(wanted, &filter, &selected, page.size.min(PAGE))
    }

    fn page_of_events(
        &self,
        mut wanted: Wanted,
        filter: &EventFilter,
        selected: &Selected,
        size: u32,
    ) -> Result<Listing, ResourceError> {
        let mut listing = Listing::default();
        let mut read = 0;
        loop {
            let found = self.platform().store.read(|conn| log::events(conn, &wanted))?;
            let last = found.len() < BATCH as usize;
            for event in found {
                if listing.value.len() >= size as usize || read >= MOST_READ {
                    let (at, seq) = wanted.before.unwrap_or_default();
                    listing.next = Some(Listing::token(&format!("{at}.{seq}")));
                    return Ok(listing);
                }
                wanted.before = Some((event.at, event.seq));
                read += 1;
                if filter.matches(&event) {
                    let mut shown = shown(&event)?;
                    selected.apply(&mut shown);
                    listing.value.push(Value::Object(shown));
                }
            }
            if last {
                return Ok(listing);
            }
        }
    }

    /// The categories of events that Azure has; those here are all administrative.
    pub fn event_categories(&self) -> Vec<Value> {
        const CATEGORIES: [&str; 8] = [
            "Administrative",
            "Security",
            "ServiceHealth",
            "Alert",
            "Recommendation",
            "Policy",
            "Autoscale",
            "ResourceHealth",
        ];
        CATEGORIES.iter().map(|name| json!({"value": name, "localizedValue": name})).collect()
    }

    /// The newest refusal of a tenant with this correlation id, also where it stands for one that was the same.
    /// Nobody is asked for a right here: who calls this asks for one to explain.
    ///
    /// # Errors
    /// [`ResourceError::Store`].
    pub fn refused_request(
        &self,
        tenant: TenantId,
        correlation: Uuid,
    ) -> Result<Option<RefusedRequest>, ResourceError> {
        self.recorder().flush();
        let repeated = self.recorder().repeated(correlation);
        let found = self.platform().store.read::<_, gatepost_store::StoreError>(|conn| {
            match log::refused_by_correlation(conn, tenant, correlation)?.into_iter().next() {
                Some(found) => Ok(Some(found)),
                None => repeated.map_or(Ok(None), |seq| log::refused_at(conn, tenant, seq)),
            }
        })?;
        Ok(found.map(refused_request).transpose()?)
    }
}

impl Page {
    /// Where a page of events begins: after this time and place in the log.
    fn position(&self) -> Result<Option<(i64, i64)>, ResourceError> {
        if self.after.is_empty() {
            return Ok(None);
        }
        let position =
            self.after.split_once('.').and_then(|(at, seq)| Some((at.parse().ok()?, seq.parse().ok()?)));
        position.map(Some).ok_or_else(|| ResourceError::BadRequest {
            code: "InvalidSkipToken",
            message: "The provided skip token is not one of this list.".to_owned(),
        })
    }
}

/// The event, with how often it happened again.
fn shown(event: &StoredEvent) -> Result<Map<String, Value>, ResourceError> {
    let mut shown = tree::object(&event.doc)?;
    if event.repeats > 0
        && let Some(properties) = shown.get_mut("properties").and_then(Value::as_object_mut)
    {
        properties.insert("repeatedTimes".to_owned(), event.repeats.to_string().into());
        properties.insert("lastRepeatedAt".to_owned(), arm_format(from_micros(event.last_at)).into());
    }
    Ok(shown)
}

fn refused_request(row: RefusedRow) -> Result<RefusedRequest, gatepost_store::StoreError> {
    let doc = tree::object(&row.doc)?;
    let text = |member: &str, name: &str| {
        doc.get(member).and_then(|value| value.get(name)).and_then(Value::as_str).unwrap_or("").to_owned()
    };
    let scope = Scope::parse(&row.refused.scope)
        .map_err(|error| gatepost_store::StoreError::Corrupt(format!("{}: {error}", row.refused.scope)))?;
    Ok(RefusedRequest {
        at: from_micros(row.at),
        object_id: row.refused.object_id,
        client: row.refused.client,
        action: row.refused.action,
        scope,
        address: text("httpRequest", "clientIpAddress").parse().ok(),
        reason: text("properties", "reason"),
    })
}
