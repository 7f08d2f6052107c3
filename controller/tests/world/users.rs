//! What users do, in which order, and when.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::backups::back_up;
use crate::haste;
use crate::life::{Config, DRIVER};
use crate::objects::{Kind, name, namespace};
use crate::others::{FOREIGN, bind_claim, keep_writing, restore};
use crate::requests::{change, delete, make};
use crate::storage::Storage;
use crate::world::World;

/// When the last thing is begun.
const LAST: u64 = 120_000;
const NAMESPACES: [&str; 2] = ["a", "b"];
const CLAIMS: [&str; 3] = ["data", "logs", "wal"];
const CLASSES: [&str; 2] = ["fast", "kept"];

#[derive(Debug, Clone)]
enum Action {
    MakeClass(&'static str, bool),
    DropClass(&'static str),
    MakeClaim(&'static str, &'static str),
    Snap {
        within: &'static str,
        name: String,
        claim: &'static str,
        class: Option<&'static str>,
    },
    Group {
        within: &'static str,
        name: String,
        class: Option<&'static str>,
    },
    Import {
        within: &'static str,
        name: String,
        content_first: bool,
    },
    ImportGroup {
        within: &'static str,
        name: String,
    },
    BackUp {
        within: &'static str,
        name: String,
    },
    Delete(Kind, &'static str, String),
    DeleteSomeContent(u32),
    DeleteAll(&'static str),
    Restore {
        within: &'static str,
        claim: String,
        from: String,
        by_ref: bool,
    },
    Annotate(u32),
    Write {
        within: &'static str,
        claim: &'static str,
    },
    Copy {
        from: String,
    },
    Strip(u32),
    /// Takes a content away by force.
    Rob(u32),
}

/// The script of a life.
pub struct Script(Vec<(u64, Action)>);

impl Script {
    pub fn new(random: &mut Rng, config: Config) -> Self {
        let mut script = Vec::new();
        let early = |random: &mut Rng| {
            if random.u8(0..4) == 0 { random.u64(0..60_000) } else { random.u64(0..2_000) }
        };
        for class in CLASSES {
            let at = early(random);
            script.push((at, Action::MakeClass(class, random.bool())));
            if random.u8(0..4) == 0 {
                let at = random.u64(2_000..LAST);
                script.push((at, Action::DropClass(class)));
                script.push((at + random.u64(10..20_000), Action::MakeClass(class, random.bool())));
            }
        }
        for within in NAMESPACES {
            for claim in CLAIMS {
                script.push((early(random), Action::MakeClaim(within, claim)));
            }
        }
        for number in 0..random.u32(1..6) {
            Self::one_object(&mut script, random, config, number);
        }
        for _ in 0..random.u32(0..4) {
            let (at, which) = (random.u64(0..LAST), random.u32(..));
            let within = NAMESPACES[random.usize(0..2)];
            let claim = CLAIMS[random.usize(0..3)];
            script.push((
                at,
                match random.u8(0..15) {
                    0..3 => Action::Annotate(which),
                    3..5 => Action::Write { within, claim },
                    5..7 => Action::DeleteSomeContent(which),
                    7 => Action::DeleteAll(within),
                    8..10 => Action::Delete(Kind::Claim, within, claim.to_owned()),
                    12..15 => Action::Rob(which),
                    10 if config.strips() => Action::Strip(which),
                    _ => Action::MakeClaim(within, claim),
                },
            ));
        }
        script.sort_by_key(|(at, _)| *at);
        Self(script)
    }

    fn one_object(script: &mut Vec<(u64, Action)>, random: &mut Rng, config: Config, number: u32) {
        let within = NAMESPACES[random.usize(0..2)];
        let claim = CLAIMS[random.usize(0..3)];
        let class = [Some("fast"), Some("kept"), None][random.usize(0..3)];
        let at = random.u64(0..LAST / 2);
        let name = format!("s{number}");
        let mut name_is_imported = false;
        let kind = match config.what(random) {
            What::Single => {
                script.push((at, Action::Snap { within, name: name.clone(), claim, class }));
                Kind::Snapshot
            }
            What::Group => {
                script.push((at, Action::Group { within, name: name.clone(), class }));
                if number % 3 == 2 && config == Config::Group {
                    script.push((at + 1, Action::BackUp { within, name: name.clone() }));
                }
                Kind::Group
            }
            What::Import if config == Config::Import || random.bool() => {
                let content_first = random.bool();
                name_is_imported = true;
                script.push((at, Action::Import { within, name: name.clone(), content_first }));
                Kind::Snapshot
            }
            What::Import => {
                script.push((at, Action::ImportGroup { within, name: name.clone() }));
                Kind::Group
            }
        };
        if random.u8(0..4) == 0 {
            let (claim, by_ref) = (format!("restored-{number}"), random.bool());
            let at = random.u64(at..LAST);
            script.push((at, Action::Restore { within, claim, from: name.clone(), by_ref }));
        }
        if random.u8(0..3) < 2 {
            let gone = if random.bool() { random.u64(at..at + 3_000) } else { random.u64(at..LAST) };
            script.push((gone, Action::Delete(kind, within, name.clone())));
            let again = gone + random.u64(1..20_000);
            match random.u8(0..4) {
                0 if name_is_imported => {
                    script.push((again, Action::Import { within, name: name.clone(), content_first: true }));
                }
                0 | 1 => script.push((again, Action::Snap { within, name: name.clone(), claim, class })),
                _ => {}
            }
        }
        if random.u8(0..8) == 0 {
            script.push((random.u64(at..LAST), Action::Copy { from: name }));
        }
    }

    /// Does it all.
    pub async fn play(self, storage: Arc<Storage>) {
        let begun = Instant::now();
        for (at, action) in self.0 {
            sleep_until(begun + Duration::from_millis(at)).await;
            storage.world.tell(format!("user: {action:?}"));
            act(&storage, action);
        }
        // What goes on beside ends, too.
        sleep(Duration::from_secs(40)).await;
    }
}

pub enum What {
    Single,
    Group,
    Import,
}

fn classes(random_policy: &str) -> Value {
    json!({"driver": DRIVER, "deletionPolicy": random_policy})
}

fn act(storage: &Arc<Storage>, action: Action) {
    let world = &storage.world;
    match action {
        Action::MakeClass(name, is_default) => {
            let policy = if name == "fast" { "Delete" } else { "Retain" };
            let mark = |key: &str| json!({"annotations": {key: is_default.to_string()}});
            let mut class = classes(policy);
            class["metadata"] = mark("snapshot.storage.kubernetes.io/is-default-class");
            make(world, Kind::Class, "", name, class.clone());
            class["metadata"] = mark("groupsnapshot.storage.kubernetes.io/is-default-class");
            make(world, Kind::GroupClass, "", name, class);
        }
        Action::DropClass(name) => {
            delete(world, Kind::Class, "", name);
            delete(world, Kind::GroupClass, "", name);
        }
        Action::MakeClaim(within, name) => {
            tokio::spawn(bind_claim(Arc::clone(storage), within, name));
        }
        Action::Snap { within, name, claim, class } => {
            let mut spec = json!({"source": {"persistentVolumeClaimName": claim}});
            if let Some(class) = class {
                spec["volumeSnapshotClassName"] = class.into();
            }
            let metadata = json!({"labels": {"app": "x"}, "annotations": {FOREIGN: "kept"}});
            make(world, Kind::Snapshot, within, &name, json!({"metadata": metadata, "spec": spec}));
            haste::regret(world, Kind::Snapshot, within, &name);
        }
        Action::Group { within, name, class } => {
            let mut spec = json!({"source": {"selector": {"matchLabels": {"app": "db"}}}});
            if let Some(class) = class {
                spec["volumeGroupSnapshotClassName"] = class.into();
            }
            make(world, Kind::Group, within, &name, json!({ "spec": spec }));
            haste::regret(world, Kind::Group, within, &name);
        }
        Action::Import { within, name, content_first } => import(storage, within, &name, content_first),
        Action::ImportGroup { within, name } => import_group(storage, within, &name),
        Action::BackUp { within, name } => {
            tokio::spawn(back_up(Arc::clone(world), within, name));
        }
        Action::Delete(kind, within, name) => delete(world, kind, within, &name),
        Action::DeleteSomeContent(which) => {
            let kind = if which.is_multiple_of(3) { Kind::GroupContent } else { Kind::Content };
            if let Some(content) = some(world, kind, which) {
                delete(world, kind, "", name(&content));
            }
        }
        Action::DeleteAll(within) => {
            for kind in [Kind::Snapshot, Kind::Group, Kind::Claim] {
                let all = world.cluster.objects(kind.resource());
                for object in all.iter().filter(|object| namespace(object) == within) {
                    delete(world, kind, within, name(object));
                }
            }
        }
        Action::Restore { within, claim, from, by_ref } => {
            tokio::spawn(restore(Arc::clone(storage), within, claim, from, by_ref));
        }
        Action::Annotate(which) => annotate(world, which),
        Action::Write { within, claim } => {
            tokio::spawn(keep_writing(Arc::clone(storage), within, claim));
        }
        Action::Copy { from } => copy(world, &from),
        Action::Strip(which) => strip(world, which),
        Action::Rob(which) => {
            let kind = if which.is_multiple_of(4) { Kind::GroupContent } else { Kind::Content };
            if let Some(content) = some(world, kind, which / 4) {
                haste::rob(world, kind, &content);
            }
        }
    }
}

fn some(world: &World, kind: Kind, which: u32) -> Option<Arc<Value>> {
    let all = world.cluster.objects(kind.resource());
    let which = usize::try_from(which).unwrap_or_default();
    (!all.is_empty()).then(|| Arc::clone(&all[which % all.len()]))
}

fn import(storage: &Arc<Storage>, within: &str, name: &str, content_first: bool) {
    let world = &storage.world;
    let handle = storage.old("handle-a-data");
    let content = json!({"spec": {
        "driver": DRIVER, "source": {"snapshotHandle": handle}, "deletionPolicy": if content_first { "Delete" } else { "Retain" },
        "volumeSnapshotRef": {"namespace": within, "name": name},
    }, "metadata": {"annotations": {FOREIGN: "kept"}}});
    let content_name = format!("imported-{within}-{name}");
    let user = json!({"spec": {"source": {"volumeSnapshotContentName": content_name}}});
    if content_first {
        make(world, Kind::Content, "", &content_name, content);
        make(world, Kind::Snapshot, within, name, user);
    } else {
        make(world, Kind::Snapshot, within, name, user);
        let later = Arc::clone(storage);
        tokio::spawn(async move {
            sleep(Duration::from_millis(later.world.chance.of("a content made by hand").u64(0..10_000)))
                .await;
            make(&later.world, Kind::Content, "", &content_name, content);
        });
    }
}

fn import_group(storage: &Arc<Storage>, within: &str, name: &str) {
    let world = &storage.world;
    let (handle, members) = storage.old_group(&["handle-a-logs".to_owned(), "handle-a-wal".to_owned()]);
    let content_name = format!("imported-group-{within}-{name}");
    make(
        world,
        Kind::GroupContent,
        "",
        &content_name,
        json!({"spec": {
            "driver": DRIVER, "deletionPolicy": "Delete",
            "source": {"groupSnapshotHandles": {"volumeGroupSnapshotHandle": handle, "volumeSnapshotHandles": members}},
            "volumeGroupSnapshotRef": {"namespace": within, "name": name},
        }}),
    );
    make(
        world,
        Kind::Group,
        within,
        name,
        json!({"spec": {"source": {"volumeGroupSnapshotContentName": content_name}}}),
    );
}

fn annotate(world: &Arc<World>, which: u32) {
    let kind = [Kind::Snapshot, Kind::Content, Kind::Claim, Kind::Group]
        [usize::try_from(which % 4).unwrap_or_default()];
    if let Some(object) = some(world, kind, which / 4) {
        let metadata = json!({"metadata": {"labels": {"example.org/edited": which.to_string()},
            "annotations": {"example.org/odd.key": which.to_string()}}});
        change(world, kind, namespace(&object), name(&object), &metadata);
    }
}

/// A backup that is restored elsewhere: the copy of a snapshot, with the finalizers of the old one and its content's name.
fn copy(world: &Arc<World>, from: &str) {
    for within in NAMESPACES {
        let Some(found) = world.cluster.object(Kind::Snapshot.resource(), within, from) else { continue };
        let elsewhere = if within == "a" { "b" } else { "a" };
        let object = json!({
            "metadata": {"annotations": found["metadata"]["annotations"], "labels": found["metadata"]["labels"],
                "finalizers": found["metadata"]["finalizers"]},
            "spec": found["spec"],
        });
        make(world, Kind::Snapshot, elsewhere, &format!("copy-of-{from}"), object);
        return;
    }
}

fn strip(world: &Arc<World>, which: u32) {
    let kind = [Kind::Snapshot, Kind::Content, Kind::Group, Kind::GroupContent]
        [usize::try_from(which % 4).unwrap_or_default()];
    if let Some(object) = some(world, kind, which / 4) {
        world.laws().stripped = true;
        change(world, kind, namespace(&object), name(&object), &json!({"metadata": {"finalizers": null}}));
    }
}
