//! What all looks begin with: the object that a content belongs to, and the classes that matter.

use std::sync::Arc;

use machinery::object::Object;
use model::class::Class;
use model::facts::{Content, Facts};
use model::user::User;

use crate::caches::Caches;
use crate::decide::binding::Seen;
use crate::wake::UserKind;

/// What is known of the cluster, as the rules look at it.
#[derive(Debug, Clone, Copy)]
pub struct Look<'c> {
    /// What is known.
    pub caches: &'c Caches,
    /// `--prevent-volume-mode-conversion`.
    pub keeps_mode: bool,
}

/// What a decision about an object begins with.
pub(crate) fn seen<'a>(
    user: User<'a>,
    content: Option<Facts<'a>>,
    classes: &'a [(String, Class)],
) -> Seen<'a> {
    let class = classes.iter().find(|(name, _)| Some(name.as_str()) == user.class_name);
    let defaults = classes.iter().filter(|(_, class)| class.is_default);
    Seen {
        user,
        content,
        class: class.map(|(_, class)| class),
        defaults: defaults.map(|(name, class)| (name.as_str(), class)).collect(),
    }
}

impl Look<'_> {
    /// The object that a content is bound to, if it is there.
    #[must_use]
    pub fn owner_of<U: UserKind>(&self, content: &Object<U::Content>) -> Option<Arc<Object<U>>> {
        let owner = content.facts().owner;
        let user = U::family(self.caches).users.get(&format!("{}/{}", owner.namespace, owner.name));
        user.filter(|user| owner.uid == Some(user.uid()))
    }

    /// The class that an object names, or, where it names none, the default classes.
    pub(super) fn classes<U: UserKind>(&self, user: &User<'_>) -> Vec<(String, Class)> {
        let classes = &U::family(self.caches).classes;
        if let Some(name) = user.class_name {
            return classes.get(name).iter().map(|class| (name.to_owned(), Class::of(class))).collect();
        }
        let mut defaults = Vec::new();
        classes.each(|_, class| {
            let read = Class::of(class);
            if read.is_default {
                defaults.push((class.name().to_owned(), read));
            }
        });
        defaults.sort_by(|one, other| one.0.cmp(&other.0));
        defaults
    }
}
