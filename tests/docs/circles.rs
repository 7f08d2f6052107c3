//! Tests that the modules of a crate do not import each other in a circle, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::imports::{built, join, paths};

/// The source directories of the crates to check. Missing directories are skipped.
const CRATES: &[&str] =
    &["sandbox/src", "machinery/src", "model/src", "crds/src", "controller/src", "operator/src", "src"];

/// The text of each module of a crate, by path such as `api::store`. The root is "".
type Sources = BTreeMap<String, String>;

/// The modules that each module names. Declaring a module counts as naming it.
type Needs = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for directory in CRATES.iter().map(|directory| root.join(directory)).filter(|path| path.is_dir()) {
        let sources = sources(&directory);
        assert!(sources.len() > 1, "{} has no modules", directory.display());
        let circle = circle(&needs(&sources)).map(|modules| modules.join("\n    needs "));
        assert_eq!(circle, None, "in {}", directory.display());
    }
}

#[test]
fn two_modules_that_import_each_other_are_found() {
    let hen =
        "use super::barn::{self, Perch};\nuse crate::{\n    barn::Straw,\n    egg::{Shell, yolk},\n};\n";
    let mut farm = made_up(&[("", "mod barn;\nmod egg;\nmod hen;"), ("barn", ""), ("egg", ""), ("hen", hen)]);
    assert_eq!(circle(&needs(&farm)), None);
    farm.extend(made_up(&[("egg", "// As ever.\nfn hatch() -> super::hen::Hen {}")]));
    assert_eq!(circle(&needs(&farm)).unwrap_or_default(), ["egg", "hen", "egg"]);
}

#[test]
fn only_what_is_built_outside_of_tests_counts() {
    let parent =
        "mod child;\n#[cfg(test)]\nuse child::Toy;\n#[cfg(test)]\nmod tests {\n    use crate::child;\n}\n";
    for (child, is_circle) in [
        ("use super::Name;", true),
        ("fn name() -> crate::Name {}", true),
        ("#[cfg(test)]\nuse super::Name;", false),
        ("#[cfg(test)]\nmod tests {\n    use crate::Name;\n}", false),
        ("mod inner {\n    use super::Own;\n}", false),
        ("mod inner {\n    use super::super::Name;\n}", true),
        ("pub(in crate::child) struct Own;", false),
    ] {
        let found = circle(&needs(&made_up(&[("", parent), ("child", child)])));
        assert_eq!(found.is_some(), is_circle, "{child}: {found:?}");
    }
}

fn made_up(modules: &[(&str, &str)]) -> Sources {
    modules.iter().map(|(name, text)| ((*name).to_owned(), built(text).0)).collect()
}

/// Reads the modules of a crate, without those for tests.
fn sources(directory: &Path) -> Sources {
    let (mut sources, mut tests) = (Sources::new(), Vec::new());
    for file in files(directory) {
        let name = file.strip_prefix(directory).unwrap_or(&file).with_extension("");
        let parts: Vec<_> = name.iter().filter_map(|part| part.to_str()).collect();
        let module = parts.join("::");
        let module =
            if matches!(module.as_str(), "lib" | "main") { "" } else { module.trim_end_matches("::mod") };
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let (text, declared) = built(&text);
        let folder = parts[..parts.len() - 1].join("::");
        // A `#[path]` is relative to the folder of the file, and a plain declaration to the module.
        tests.extend(
            declared.into_iter().map(|(name, is_path)| join(if is_path { &folder } else { module }, &name)),
        );
        sources.entry(module.to_owned()).or_default().push_str(&text);
    }
    sources.retain(|module, _| !tests.iter().any(|test| is_within(module, test)));
    sources
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    paths.flat_map(below).filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn needs(sources: &Sources) -> Needs {
    let needs = |(module, text): (&String, &String)| {
        let named = paths(module, text).into_iter().filter_map(|path| nearest(sources, &path));
        (module.clone(), named.filter(|named| named != module).collect())
    };
    sources.iter().map(needs).collect()
}

/// The innermost module on a path.
fn nearest(sources: &Sources, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split("::").filter(|part| !part.is_empty()).collect();
    (0..=parts.len()).rev().map(|length| parts[..length].join("::")).find(|part| sources.contains_key(part))
}

/// The modules of a circle, if there is one. The first module is repeated at the end.
fn circle(needs: &Needs) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    needs.keys().find_map(|module| follow(needs, module, &mut Vec::new(), &mut done))
}

fn follow(
    needs: &Needs,
    at: &str,
    way: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(first) = way.iter().position(|module| module == at) {
        return Some(way[first..].iter().cloned().chain([at.to_owned()]).collect());
    }
    if !done.insert(at.to_owned()) {
        return None;
    }
    way.push(at.to_owned());
    let found = needs.get(at).into_iter().flatten().find_map(|next| follow(needs, next, way, done));
    way.pop();
    found
}

fn is_within(module: &str, outer: &str) -> bool {
    module.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
