//! The mail queue, in our own namespace `Gatepost.Mail`: below any scope of a subscription there are the
//! messages that came through its communication services.

use gatepost_access::Caller;
use gatepost_clock::{arm_format, from_micros};
use gatepost_delivery::{Delivery, Filter, MessageTrace, RecipientState, Summary};
use gatepost_names::{MessageId, Scope};
use serde_json::{Value, json};

use crate::activity::Intended;
use crate::listing::invalid;
use crate::provider::Operation;
use crate::request::{Listing, Page};
use crate::service::must_exist;
use crate::{ResourceError, Resources};

/// The namespace.
pub const NAMESPACE: &str = "Gatepost.Mail";

const READ: &str = "Gatepost.Mail/messages/read";

macro_rules! operations {
    ($($name:literal, $display:literal;)*) => {
        &[$(Operation {
            name: concat!("Gatepost.Mail/", $name),
            display_name: $display,
            description: concat!($display, "."),
            is_data_action: false,
        }),*]
    };
}

/// What can be done with accepted messages.
pub(crate) const OPERATIONS: &[Operation] = operations! {
    "messages/read", "Read the state of accepted messages";
    "messages/retry/action", "Deliver a message again now";
    "messages/hold/action", "Hold a message back";
    "messages/release/action", "Release a message that is held";
    "messages/drop/action", "Drop a message without delivering it";
};

/// What an operator does to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MessageAction {
    Retry,
    Hold,
    Release,
    Drop,
}

impl MessageAction {
    fn parse(name: &str) -> Option<MessageAction> {
        let all = [MessageAction::Retry, MessageAction::Hold, MessageAction::Release, MessageAction::Drop];
        all.into_iter().find(|action| action.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            MessageAction::Retry => "retry",
            MessageAction::Hold => "hold",
            MessageAction::Release => "release",
            MessageAction::Drop => "drop",
        }
    }
}

/// The queue as the resource manager shows it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MailQueue {
    resources: Resources,
    delivery: Delivery,
}

impl MailQueue {
    /// The queue of `delivery`, with access decided like that of every other resource.
    pub fn new(resources: Resources, delivery: Delivery) -> MailQueue {
        MailQueue { resources, delivery }
    }

    /// The messages below a scope, newest first. The filter may be `state eq '..'`.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::BadRequest`] for another filter or the `$skiptoken` of another
    /// list.
    pub fn list(
        &self,
        caller: &Caller,
        scope: &Scope,
        filter: Option<&str>,
        page: &Page,
    ) -> Result<Listing, ResourceError> {
        self.enter(caller, READ, scope)?;
        self.resources.platform().store.read(|conn| must_exist(conn, scope))?;
        let state = filter.map(str::trim).filter(|text| !text.is_empty()).map(state_of).transpose()?;
        let before =
            if page.after.is_empty() { None } else { Some(page.after.parse().map_err(|_| foreign_token())?) };
        let limit = page.size as usize;
        let wanted =
            Filter { scope: Some(scope.key().to_owned()), state, before, limit: limit.saturating_add(1) };
        let mut found = self.delivery.list(&wanted)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| more).map(|summary| Listing::token(&summary.id.to_string()));
        let value = found.iter().map(|summary| body(summary, summary_properties(summary))).collect();
        Ok(Listing { value, next: last })
    }

    /// One message with its recipients and its trace.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::NotFound`] with `MessageNotFound`.
    pub fn show(&self, caller: &Caller, scope: &Scope, id: &str) -> Result<Value, ResourceError> {
        self.enter(caller, READ, scope)?;
        let id = self.find(scope, id)?;
        self.shown(id)
    }

    /// Does `retry`, `hold`, `release` or `drop` to a message; answers the message after it.
    ///
    /// # Errors
    /// [`ResourceError::MethodNotAllowed`] for another action; as [`MailQueue::show`].
    pub fn act(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: &str,
        action: &str,
    ) -> Result<Value, ResourceError> {
        let action = MessageAction::parse(action).ok_or(ResourceError::MethodNotAllowed)?;
        in_subscription(scope)?;
        let needed = format!("Gatepost.Mail/messages/{}/action", action.name());
        let about = format!("{scope}/providers/{NAMESPACE}/messages/{id}");
        self.resources.change(caller, Intended::post(&needed, scope).of(about), |attempt| {
            attempt.perform(|| {
                let id = self.find(scope, id)?;
                let by = caller.client.as_str();
                match action {
                    MessageAction::Retry => self.delivery.retry(id, by)?,
                    MessageAction::Hold => self.delivery.hold(id, by)?,
                    MessageAction::Release => self.delivery.release(id, by)?,
                    MessageAction::Drop => self.delivery.drop(id, by)?,
                };
                self.shown(id)
            })
        })
    }

    fn enter(&self, caller: &Caller, action: &str, scope: &Scope) -> Result<(), ResourceError> {
        in_subscription(scope)?;
        self.resources.authorize(caller, action, scope).map(|_| ())
    }

    /// The id of a message that lies below `scope`.
    fn find(&self, scope: &Scope, id: &str) -> Result<MessageId, ResourceError> {
        let missing = || ResourceError::NotFound {
            code: "MessageNotFound",
            message: format!("The message '{id}' could not be found."),
        };
        let id: MessageId = id.parse().map_err(|_| missing())?;
        let service = self.delivery.scope_of(id)?.ok_or_else(missing)?;
        let inside = Scope::parse(&service).is_ok_and(|service| scope.contains(&service));
        if inside { Ok(id) } else { Err(missing()) }
    }

    fn shown(&self, id: MessageId) -> Result<Value, ResourceError> {
        match self.delivery.show(id)? {
            Some(trace) => Ok(traced(&trace)),
            None => Err(ResourceError::NotFound {
                code: "MessageNotFound",
                message: format!("The message '{id}' could not be found."),
            }),
        }
    }
}

/// Messages belong to a subscription: a role at the tenant root does not tell whose they are.
fn in_subscription(scope: &Scope) -> Result<(), ResourceError> {
    match scope.subscription_id() {
        Some(_) => Ok(()),
        None => {
            Err(ResourceError::InvalidResourceType { kind: "messages".into(), namespace: NAMESPACE.into() })
        }
    }
}

/// The refusal of a `$skiptoken` that names no message.
fn foreign_token() -> ResourceError {
    ResourceError::BadRequest {
        code: "InvalidSkipToken",
        message: "The provided skip token is not one of this list.".into(),
    }
}

/// The state of `state eq '..'`.
fn state_of(text: &str) -> Result<RecipientState, ResourceError> {
    let filter = gatepost_odata::parse(text).map_err(|_| invalid(text))?;
    match filter.text_equality() {
        Some((path, state)) if path.is(&["state"]) || path.is(&["properties", "state"]) => {
            RecipientState::parse(&state.to_ascii_lowercase()).ok_or_else(|| invalid(text))
        }
        _ => Err(invalid(text)),
    }
}

fn time(micros: i64) -> String {
    arm_format(from_micros(micros))
}

/// The state of the whole message: that of the recipient who needs attention most.
fn overall(summary: &Summary) -> RecipientState {
    const BY_ATTENTION: [RecipientState; 6] = [
        RecipientState::Held,
        RecipientState::Queued,
        RecipientState::Leased,
        RecipientState::Failed,
        RecipientState::Dropped,
        RecipientState::Delivered,
    ];
    let has = |state: &RecipientState| summary.states.iter().any(|(s, count)| s == state && *count > 0);
    BY_ATTENTION.into_iter().find(has).unwrap_or(RecipientState::Queued)
}

fn summary_properties(summary: &Summary) -> Value {
    let counts: serde_json::Map<String, Value> =
        summary.states.iter().map(|(state, count)| (state.as_str().to_owned(), (*count).into())).collect();
    json!({
        "state": overall(summary).as_str(),
        "acceptedAt": time(summary.accepted_at),
        "finishedAt": summary.finished_at.map(time),
        "reversePath": summary.reverse_path.as_deref().unwrap_or("<>"),
        "firstRecipient": summary.first_recipient,
        "recipientCount": summary.states.iter().map(|(_, count)| count).sum::<u64>(),
        "recipientStates": counts,
        "size": summary.size,
        "internetMessageId": summary.internet_message_id,
        "username": summary.username,
        "applicationId": summary.app_id.to_string(),
        "objectId": summary.object_id.to_string(),
        "client": summary.client,
        "communicationService": summary.service,
    })
}

fn body(summary: &Summary, properties: Value) -> Value {
    json!({
        "id": format!("{}/providers/Gatepost.Mail/messages/{}", summary.service, summary.id),
        "name": summary.id.to_string(),
        "type": "Gatepost.Mail/messages",
        "properties": properties,
    })
}

fn traced(trace: &MessageTrace) -> Value {
    let mut properties = summary_properties(&trace.summary);
    let recipients: Vec<Value> = trace
        .recipients
        .iter()
        .map(|recipient| {
            let due = (!recipient.state.is_final()).then(|| time(recipient.due_at));
            json!({
                "address": recipient.address,
                "state": recipient.state.as_str(),
                "attempts": recipient.attempts,
                "nextAttemptAt": due,
                "lastReply": recipient.reply,
            })
        })
        .collect();
    let address = |number: &u32| {
        trace.recipients.iter().find(|r| r.number == *number).map_or("", |r| r.address.as_str())
    };
    let events: Vec<Value> = trace
        .events
        .iter()
        .map(|event| {
            let of = event.recipients.as_ref().map(|numbers| {
                numbers.iter().map(address).collect::<Vec<_>>().join(", ")
            });
            json!({"at": time(event.at), "event": event.kind.as_str(), "recipient": of, "detail": event.detail})
        })
        .collect();
    if let Some(properties) = properties.as_object_mut() {
        properties.insert("recipients".into(), recipients.into());
        properties.insert("trace".into(), events.into());
    }
    body(&trace.summary, properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_a_state() {
        assert_eq!(state_of("state eq 'held'").unwrap(), RecipientState::Held);
        assert_eq!(state_of("State eq 'Delivered'").unwrap(), RecipientState::Delivered);
        for wrong in ["state eq 'lost'", "size eq 'x'", "state", "state ne 'held'"] {
            assert!(state_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn actions_ignore_letter_case() {
        assert_eq!(MessageAction::parse("Retry"), Some(MessageAction::Retry));
        assert_eq!(MessageAction::parse("read"), None);
    }
}
