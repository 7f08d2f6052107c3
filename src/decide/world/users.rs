//! What users and other controllers do to an object, each once.

use super::*;

/// Somebody's deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum User {
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

impl User {
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

impl State {
    /// Whether a deed changes anything now.
    pub fn allows(&self, user: User) -> bool {
        if let Some(allowed) = self.secret.allows(user) {
            return allowed;
        }
        let Some(model) = &self.truth else { return user == User::DriverForgets };
        match user {
            User::Delete => !model.meta.deleting,
            User::Release => model.meta.deleting && !model.meta.released,
            User::StripFinalizers => model.meta.held,
            User::StripMarker => model.meta.marked,
            User::ReplaceClass | User::DeleteClass => self.class == ClassIs::First,
            User::DeleteVolume => !self.storage.volume_gone,
            User::DriverForgets => self.storage.remembers_names,
            User::DeleteSecret | User::ForbidSecret | User::ReturnSecret => false,
        }
    }

    /// A deed is done.
    pub fn act(&mut self, user: User) {
        self.users.retain(|other| *other != user);
        match user {
            User::Delete => {
                self.write(|model| model.meta.deleting = true);
            }
            User::Release => {
                self.write(|model| model.meta.released = true);
            }
            User::StripFinalizers => {
                self.stripped = true;
                self.write(|model| model.meta.held = false);
            }
            User::StripMarker => {
                self.stripped = true;
                self.write(|model| model.meta.marked = false);
            }
            User::ReplaceClass => self.class = ClassIs::Replaced,
            User::DeleteClass => self.class = ClassIs::Gone,
            User::DeleteVolume => self.storage.volume_gone = true,
            User::DeleteSecret => self.secret = SecretIs::Missing,
            User::ForbidSecret => self.secret = SecretIs::Unreadable,
            User::ReturnSecret => self.secret = self.secret.returned(),
            User::DriverForgets => {
                self.doubtful = true;
                self.storage.remembers_names = false;
            }
        }
    }
}
