//! Which paths the text of a module names, and which modules it declares, in the layout that rustfmt makes.

/// The text without comments and without items of tests, and the modules that are declared for tests: each with
/// its name, or the path that an attribute gives it.
pub(crate) fn built(text: &str) -> (String, Vec<(String, bool)>) {
    let (mut kept, mut tests, mut skipped, mut path) = (String::new(), Vec::new(), None, None);
    for line in text.lines().map(|line| line.split("//").next().unwrap_or_default().trim_end()) {
        let (item, indent) = (line.trim_start(), line.len() - line.trim_start().len());
        if item == "#[cfg(test)]" {
            skipped = Some(indent);
        } else if skipped.is_none() {
            kept.push_str(line);
            kept.push('\n');
        } else if let Some(file) = item.strip_prefix("#[path = \"") {
            path = Some(file.trim_end_matches(".rs\"]").replace('/', "::"));
        } else if skipped == Some(indent) && item.ends_with([';', '}', ',']) {
            skipped = None;
            if let Some(name) = declared(item) {
                let is_path = path.is_some();
                tests.push((path.take().unwrap_or(name), is_path));
            }
        }
    }
    (kept, tests)
}

/// The name in `mod name;`.
fn declared(item: &str) -> Option<String> {
    let (before, name) = item.strip_suffix(';')?.rsplit_once("mod ")?;
    (before.is_empty() || before.starts_with("pub")).then(|| name.to_owned())
}

/// Every path in the text of a module that begins with `crate`, `self` or `super`, from the root on.
pub(crate) fn paths(module: &str, text: &str) -> Vec<String> {
    let (mut found, mut inner) = (Vec::new(), None);
    let text = text.replace("in crate::", "");
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (item, indent) = (line.trim(), line.len() - line.trim_start().len());
        if let Some(name) = item.strip_suffix(" {").and_then(|item| declared(&format!("{item};"))) {
            inner = Some((indent, join(module, &name)));
        } else if item == "}" && inner.as_ref().is_some_and(|(at, _)| *at == indent) {
            inner = None;
        }
        let here = inner.as_ref().map_or(module, |(_, inner)| inner);
        found.extend(declared(item).map(|name| join(here, &name)));
        for (at, _) in line.match_indices("::") {
            let word = line[..at].rsplit(|c: char| !is_word(c)).next().unwrap_or_default();
            let before = line[..at - word.len()].chars().next_back();
            let base = match word {
                "crate" => "",
                "self" => here,
                "super" => parent(here),
                _ => continue,
            };
            if before != Some(':') && before != Some('$') {
                tree(base, &mut text[start + at + 2..].chars().peekable(), &mut found);
            }
        }
        start += line.len();
    }
    found
}

/// Reads what follows `base::`: a path, or paths in braces.
fn tree(base: &str, rest: &mut std::iter::Peekable<std::str::Chars<'_>>, found: &mut Vec<String>) {
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
    if rest.next_if_eq(&'{').is_some() {
        while rest.peek().is_some_and(|c| *c != '}') {
            tree(base, rest, found);
            while rest.next_if(|c| !matches!(c, ',' | '}')).is_some() {}
            rest.next_if_eq(&',');
            while rest.next_if(|c| c.is_whitespace()).is_some() {}
        }
        rest.next();
        return;
    }
    let word: String = std::iter::from_fn(|| rest.next_if(|c| is_word(*c))).collect();
    let path = match word.as_str() {
        "super" => parent(base).to_owned(),
        "self" => base.to_owned(),
        word => join(base, word),
    };
    if rest.next_if_eq(&':').is_some() && rest.next_if_eq(&':').is_some() {
        tree(&path, rest, found);
    } else {
        found.push(path);
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub(crate) fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}
