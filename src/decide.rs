//! The rules: from what is known of one content to the one thing that is owed next.
//!
//! Pure: no `async`, no client, no clock, no log, no chance. [`decide`] names the next step; after the step
//! was tried, [`conclude`] says what its outcome means for the status, the marker, the user and the queue. Each step has
//! a type, and the type has its outcome: what one call was answered cannot be concluded for another.
//! One set of rules serves both kinds, because both are seen as [`Facts`](model::facts::Facts).
//!
//! # Invariants (each a law in `laws.rs`, over every combination of facts)
//! 1. `Create` that may take a snapshot only while the marker is on the object; never for a member of a group.
//! 2. `Delete` never while marked (a given handle excepted), never under Retain, never for a member.
//! 3. `DropFinalizer` never under Delete while an own handle is in status.
//! 4. Not ours: no write, no call.
//! 5. Every ideal outcome leads on; with a perfect driver an object is settled or gone within six steps.
//! 6. One object has one snapshot name for ever.
//! 7. No secret value comes in here, so none can leave.

mod after;
mod answered;
mod call;
mod conclude;
mod creation;
mod deletion;
mod failed;
mod memory;
mod missing;
mod notes;
mod observed;
mod refused;
mod rules;
mod secret;
mod sent;
mod spelling;
mod step;
mod vanished;

#[cfg(test)]
mod documented;
#[cfg(test)]
mod doubts;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod remembered;
#[cfg(test)]
mod table;
#[cfg(test)]
mod told;
#[cfg(test)]
mod without;
#[cfg(test)]
mod world;

pub use after::{After, ErrorChange, Note, StatusChange};
pub use answered::acknowledged;
pub use call::{CallReply, CreateCall, DeleteCall, DriverCall, PollCall, Purpose, Said, SecretRef};
pub use conclude::{Conclude, conclude};
pub use failed::{LONGEST_STATUS_TEXT, write_refused};
pub use machinery::queue::Then;
pub use machinery::store::Presence;
pub use memory::{InFlight, Memory, Now};
pub use missing::SecretRead;
pub use observed::{ClassSeen, DriverFacts, Naming, Observed};
pub use rules::decide;
pub use secret::{Fingerprint, SecretSent};
pub use step::{Complaint, MetadataWrite, Orphan, Report, Rest, StatusRecord, Step};
pub use vanished::{last_word, leaves_something};

#[cfg(test)]
pub(crate) use memory::{Sent, Stray};
