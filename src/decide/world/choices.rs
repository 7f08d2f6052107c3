//! Who decides what happens next: a tape that is gone through in every way, or chance.

/// Chooses one of several things that may happen.
#[derive(Debug, Clone)]
pub(super) struct Choices {
    source: ChoiceSource,
    taken: Vec<(usize, usize)>,
}

/// Where choices come from.
#[derive(Debug, Clone)]
pub(super) enum ChoiceSource {
    /// These, then always the first: nothing goes wrong.
    Tape(Vec<usize>),
    /// The first, or with so many per cent any.
    Chance(fastrand::Rng, u32),
}

impl Choices {
    pub fn new(source: ChoiceSource) -> Self {
        Self { source, taken: Vec::new() }
    }

    /// One of so many.
    pub fn choose(&mut self, among: usize) -> usize {
        let choice = match &mut self.source {
            ChoiceSource::Tape(tape) => tape.get(self.taken.len()).copied().unwrap_or(0),
            ChoiceSource::Chance(random, per_cent) => {
                let any = random.u32(0..100) < *per_cent;
                if any { random.usize(0..among) } else { 0 }
            }
        };
        self.taken.push((choice, among));
        choice
    }

    /// The next tape in order, after one that was run to its end; `None` after the last.
    pub fn next_tape(mut self) -> Option<Vec<usize>> {
        while let Some((choice, among)) = self.taken.pop() {
            if choice + 1 < among {
                let mut tape: Vec<usize> = self.taken.iter().map(|(choice, _)| *choice).collect();
                tape.push(choice + 1);
                return Some(tape);
            }
        }
        None
    }

    pub fn taken(&self) -> Vec<usize> {
        self.taken.iter().map(|(choice, _)| *choice).collect()
    }
}
