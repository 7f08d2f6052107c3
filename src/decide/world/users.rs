//! What users and other controllers do to an object, each once.

use super::*;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Action {
    /// The VolumeSnapshot that the object is made for is deleted.
    DeleteOwner,
    /// The object is deleted; it stays while finalizers hold it.
    Delete,
    /// The snapshot-controller agrees to the deletion.
    Release,
    /// All finalizers are removed by hand.
    StripFinalizers,
    /// A stale write takes our marker away.
    StripMarker,
    /// The class is deleted, and another of its name created.
    ReplaceClass,
    /// The class is deleted.
    DeleteClass,
    /// The source volume is gone: from now on every create call is answered with NOT_FOUND.
    DeleteVolume,
    /// The driver restarts and has forgotten the names of its snapshots.
    DriverForgets,
    /// The Secret is deleted.
    DeleteSecret,
    /// The right to read the Secret is taken away.
    ForbidSecret,
    /// The Secret is created again with other contents, or the right to read it is given back.
    ReturnSecret,
}

impl Action {
    pub const ALL: [Self; 8] = [
        Self::Delete,
        Self::Release,
        Self::StripFinalizers,
        Self::StripMarker,
        Self::ReplaceClass,
        Self::DeleteClass,
        Self::DeleteVolume,
        Self::DriverForgets,
    ];
    /// What can be done to the Secret, where the object names one.
    pub const WITH_THE_SECRET: [Self; 3] = [Self::DeleteSecret, Self::ForbidSecret, Self::ReturnSecret];
}

impl WorldState {
    /// Whether an action changes anything now.
    pub fn allows(&self, user: Action) -> bool {
        if let Some(allowed) = self.secret.allows(user) {
            return allowed;
        }
        if user == Action::DeleteOwner {
            return self.controller.as_ref().is_some_and(Controller::has_living_owner);
        }
        let Some(model) = &self.truth else { return user == Action::DriverForgets };
        match user {
            Action::Delete => !model.meta.deleting,
            Action::Release => model.meta.deleting && !model.meta.released,
            Action::StripFinalizers => model.meta.held,
            Action::StripMarker => model.meta.marked,
            Action::ReplaceClass | Action::DeleteClass => self.class == ClassIs::First,
            Action::DeleteVolume => !self.storage.volume_gone,
            Action::DriverForgets => self.storage.remembers_names,
            Action::DeleteOwner | Action::DeleteSecret | Action::ForbidSecret | Action::ReturnSecret => false,
        }
    }

    /// An action is taken.
    pub fn act(&mut self, user: Action) {
        self.users.retain(|other| *other != user);
        match user {
            Action::DeleteOwner => {
                if let Some(controller) = &mut self.controller {
                    controller.delete_owner();
                }
            }
            Action::Delete => {
                // What nobody holds yet goes as if somebody had taken the finalizer off.
                self.stripped |= self.truth.as_ref().is_some_and(|model| !model.meta.held);
                self.write(|model| model.meta.deleting = true);
            }
            Action::Release => {
                self.write(|model| model.meta.released = true);
            }
            Action::StripFinalizers => {
                self.stripped = true;
                self.write(|model| model.meta.held = false);
            }
            Action::StripMarker => {
                self.stripped = true;
                self.write(|model| model.meta.marked = false);
            }
            Action::ReplaceClass => self.class = ClassIs::Replaced,
            Action::DeleteClass => self.class = ClassIs::Gone,
            Action::DeleteVolume => self.storage.volume_gone = true,
            Action::DeleteSecret => self.secret = SecretIs::Missing,
            Action::ForbidSecret => self.secret = SecretIs::Unreadable,
            Action::ReturnSecret => self.secret = self.secret.returned(),
            Action::DriverForgets => {
                self.doubtful = true;
                self.storage.remembers_names = false;
            }
        }
    }
}
