//! The Secret that an object names: users delete it, take away the right to read it, and bring it back.

use super::*;

/// What has become of the Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SecretIs {
    First,
    Missing,
    Unreadable,
    /// It was deleted, and created again with other contents.
    Replaced,
}

/// What a Secret holds; the default is none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SecretContents(Option<u64>);

impl SecretContents {
    /// What the driver tells snapshots of one name apart by: the Secret may say whose storage they are in.
    pub fn beside(self, parameters: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let secret = self.0.map(|contents| ("secret".to_owned(), contents.to_string()));
        parameters.clone().into_iter().chain(secret).collect()
    }
}

impl SecretIs {
    pub fn read(self) -> SecretRead<SecretContents> {
        let found = |contents, written| {
            let sent = SecretSent::Known { fingerprint: Fingerprint(contents), written };
            SecretRead::Found(SecretContents(Some(contents)), sent)
        };
        match self {
            Self::First => found(1, dynamic().meta.created),
            Self::Replaced => found(2, Some(now())),
            Self::Missing => SecretRead::Missing("it does not exist".into()),
            Self::Unreadable => SecretRead::Unreadable("it may not be read".into()),
        }
    }

    /// Whether a call that needs it can be made.
    pub fn is_there(self) -> bool {
        matches!(self, Self::First | Self::Replaced)
    }

    /// Whether a user can do this to it; `None` if that is about something else.
    pub fn allows(self, user: Action) -> Option<bool> {
        match user {
            Action::DeleteSecret | Action::ForbidSecret => Some(self == Self::First),
            Action::ReturnSecret => Some(!self.is_there()),
            Action::DeleteOwner
            | Action::Delete
            | Action::Release
            | Action::StripFinalizers
            | Action::StripMarker
            | Action::ReplaceClass
            | Action::DeleteClass
            | Action::DeleteVolume
            | Action::DriverForgets => None,
        }
    }

    pub fn returned(self) -> Self {
        match self {
            Self::First | Self::Unreadable => Self::First,
            Self::Missing | Self::Replaced => Self::Replaced,
        }
    }
}

fn world_with(model: Model, secret: SecretIs) -> World {
    let mut state = WorldState::new(model.with_secret(Some("s"), Some("n")), &[], 0);
    state.secret = secret;
    World::new(state, Choices::new(ChoiceSource::Tape(Vec::new())))
}

#[test]
fn a_creation_waits_for_a_secret_that_is_gone_or_may_not_be_read_and_goes_on_when_it_is_back() {
    for gone in [SecretIs::Missing, SecretIs::Unreadable] {
        let mut world = world_with(dynamic(), gone);
        assert!(!world.settle());
        assert_eq!(world.state().storage.handles, 0, "{gone:?}");
        let error = world.state().truth.and_then(|model| model.status?.error?.message);
        assert!(error.is_some_and(|error| error.contains(": it ")), "{gone:?}");
        world.change(|state| state.secret = gone.returned());
        assert!(world.settle());
        assert!(world.state().truth.is_some_and(|model| model.facts().is_ready()), "{gone:?}");
    }
}

#[test]
fn a_deletion_goes_on_without_a_secret_that_is_gone_and_waits_for_one_that_may_not_be_read() {
    let deleting = || dynamic().with_handle("h1").ready().deleting().released();
    let mut world = world_with(deleting(), SecretIs::Missing);
    assert!(world.settle());
    assert!(world.state().truth.is_none());
    let mut world = world_with(deleting(), SecretIs::Unreadable);
    assert!(!world.settle());
    assert!(world.state().truth.is_some());
    world.change(|state| state.secret = SecretIs::First);
    assert!(world.settle());
    assert!(world.state().truth.is_none());
}
