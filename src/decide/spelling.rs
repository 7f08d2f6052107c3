//! How ids are spelled: a driver that writes one id in several cases means what stands on the object.

use model::facts::{Facts, Source};
use model::reply::{Answer, TakenSnapshot, means_the_same};

/// An answer with each id as the object has it, if it is there but for capitals. Compared as they come, one snapshot would
/// count as two, and somebody might delete the one that is needed.
pub(super) fn as_on_the_object(facts: &Facts<'_>, answer: Answer) -> Answer {
    match answer {
        Answer::Single(mut single) => {
            respell(&mut single.handle, facts.handle());
            Answer::Single(single)
        }
        Answer::Group(mut group) => {
            respell(&mut group.handle, facts.handle());
            for member in &mut group.members {
                respell_member(facts, member);
            }
            Answer::Group(group)
        }
    }
}

fn respell_member(facts: &Facts<'_>, member: &mut TakenSnapshot) {
    let volumes = if let Source::Volumes(volumes) = facts.source { volumes } else { &[] };
    let listed = facts.status.map_or(&[][..], |status| status.members);
    respell(&mut member.handle, listed.iter().map(|known| known.handle.as_str()));
    let known = listed.iter().map(|known| known.volume.as_str());
    respell(&mut member.source_volume, known.chain(volumes.iter().map(String::as_str)));
}

/// Spells an id as one that is known: the very same if there is one.
fn respell<'a>(id: &mut String, known: impl IntoIterator<Item = &'a str> + Clone) {
    if known.clone().into_iter().any(|known| *known == **id) {
        return;
    }
    if let Some(known) = known.into_iter().find(|known| means_the_same(known, id)) {
        known.clone_into(id);
    }
}

#[cfg(test)]
mod tests {
    use model::reply::TakenGroup;

    use super::super::fixtures::dynamic;
    use super::*;

    fn snapshot(handle: &str, volume: &str) -> TakenSnapshot {
        TakenSnapshot {
            handle: handle.to_owned(),
            source_volume: volume.to_owned(),
            creation_time: None,
            size: None,
            ready: true,
            group_handle: None,
        }
    }

    fn spelled(known: &str, answered: &str) -> String {
        let model = dynamic().with_handle(known);
        let answer = as_on_the_object(&model.facts(), Answer::Single(snapshot(answered, "v")));
        answer.handle().to_owned()
    }

    #[test]
    fn a_handle_that_differs_only_in_capitals_is_spelled_as_the_recorded_one() {
        assert_eq!(spelled("/groups/MC_a/snap", "/Groups/mc_A/snap"), "/groups/MC_a/snap");
        assert_eq!(spelled("SNAP-Ö", "snap-ö"), "SNAP-Ö");
        assert_eq!(spelled("first", "second"), "second");
    }

    #[test]
    fn the_members_of_a_group_are_spelled_as_they_are_known_and_their_volumes_as_they_were_named() {
        let model = dynamic().group().with_handle("group");
        let facts = model.facts();
        let Source::Volumes(volumes) = facts.source else { panic!("{facts:?}") };
        let member = snapshot("m", &volumes[0].to_uppercase());
        let group = TakenGroup {
            handle: "GROUP".to_owned(),
            members: vec![member],
            creation_time: None,
            ready: true,
        };
        let Answer::Group(group) = as_on_the_object(&facts, Answer::Group(group)) else { panic!() };
        assert_eq!((group.handle.as_str(), &group.members[0].source_volume), ("group", &volumes[0]));
    }
}
