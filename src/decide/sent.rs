//! Whether the create calls for one object were all sent with the same.

use super::call::{CreateCall, Purpose};
use super::memory::{InFlight, Memory, Sent};
use super::observed::Observed;
use super::secret::SecretSent;

impl Memory {
    /// Remembers what a create call was sent with that may have taken effect: the first of them, and whether any other
    /// was sent with something else. `seen` is what was known before the call.
    #[must_use]
    pub(super) fn with_sent(self, seen: &Observed<'_>, call: &CreateCall, secret: SecretSent) -> Self {
        if self.in_flight == InFlight::Nothing {
            return Self { sent: None, sent_otherwise: false, ..self };
        }
        match &self.sent {
            None => {
                let sent = Sent { parameters: call.parameters.clone(), secret };
                let sent_otherwise = self.sent_otherwise || may_repeat_another(seen, call, secret);
                Self { sent: Some(sent.into()), sent_otherwise, ..self }
            }
            Some(first) if first.is_of(call, secret) => self,
            Some(_) => Self { sent_otherwise: true, ..self },
        }
    }

    /// A create call that took effect went out with something else than an earlier one that may have taken effect as
    /// well, as far as anybody knows.
    pub(super) fn was_sent_otherwise(
        &self,
        seen: &Observed<'_>,
        call: &CreateCall,
        secret: SecretSent,
    ) -> bool {
        let about_doubt = matches!(call.purpose, Purpose::Take | Purpose::FindHandle);
        if !about_doubt || self.in_flight == InFlight::Nothing {
            return false;
        }
        match &self.sent {
            Some(first) => self.sent_otherwise || !first.is_of(call, secret),
            None => self.sent_otherwise || may_repeat_another(seen, call, secret),
        }
    }
}

impl Sent {
    fn is_of(&self, call: &CreateCall, secret: SecretSent) -> bool {
        self.parameters == call.parameters && self.secret.is_same(secret)
    }
}

/// A call of another process may have gone out before this one, with something else.
fn may_repeat_another(seen: &Observed<'_>, call: &CreateCall, secret: SecretSent) -> bool {
    seen.memory.in_flight != InFlight::Nothing
        && (call.may_differ || secret.may_differ_since(seen.facts.meta.created))
}
