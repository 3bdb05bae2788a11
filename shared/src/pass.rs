//! What is read in one go? What is new of a history, what is asked after it, and candidates that follow a question.
//!
//! A visitor's history grows at its end, so that keys and values of what was read before are kept in a [`Memory`] and a
//! new event costs only itself. Questions ("what would be liked strongly?") stand behind the history and do not see each
//! other; each candidate stands behind its question and sees no other candidate.

use burn::tensor::Device;

use crate::{
    model::{KvCache, TransformerConfig},
    places::Places,
    vocabulary::items::ItemPosition,
};

/// One element of a history as its vocabulary reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Position(ItemPosition),
    Token(u32),
}

/// What was read of a history, to be read on.
///
/// Belongs to one model and catalogue: with another it gives wrong answers.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    read: Vec<Element>,
    pub(crate) cache: KvCache,
}

impl Memory {
    /// What was read, and its keys and values.
    pub(crate) fn of(read: Vec<Element>, cache: KvCache) -> Self {
        Self { read, cache }
    }

    pub(crate) fn read(&self) -> &[Element] {
        &self.read
    }

    /// Keeps what `history` begins with and forgets the rest; gives its length.
    pub(crate) fn recall(&mut self, history: &[Element]) -> usize {
        let known = self.read.iter().zip(history).take_while(|(read, wanted)| read == wanted).count();
        self.read.truncate(known);
        self.cache.truncate(known);
        known
    }

    /// Remembers `history`, which the cache begins with, and forgets what was read behind it.
    pub(crate) fn remember(&mut self, history: &[Element]) {
        self.read = history.to_vec();
        self.cache.truncate(history.len());
    }

    /// How many elements of a history were read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read.is_empty()
    }
}

/// The elements of one pass, in order: new history, questions, candidates.
pub(crate) struct Pass {
    /// Elements of the history that the cache holds.
    known: usize,
    /// Elements of the history that this pass reads.
    new: usize,
    questions: usize,
    positions: Vec<usize>,
    /// Of which question each element is, and where in the pass its own sequence begins.
    blocks: Vec<(Option<usize>, usize)>,
}

impl Pass {
    /// Reads on after `known` elements of a history: `new` ones, then the questions.
    pub(crate) fn new(known: usize, new: usize, questions: usize) -> Self {
        let history = known + new;
        Self {
            known,
            new,
            questions,
            positions: (known..history).chain(std::iter::repeat_n(history, questions)).collect(),
            blocks: (0..new)
                .map(|_| (None, 0))
                .chain((0..questions).map(|question| (Some(question), new + question)))
                .collect(),
        }
    }

    /// A candidate's elements after a question.
    pub(crate) fn push_candidate(&mut self, question: usize, length: usize) {
        let (after_question, start) = (self.known + self.new + 1, self.positions.len());
        self.positions.extend(after_question..after_question + length);
        self.blocks.extend(std::iter::repeat_n((Some(question), start), length));
    }

    /// Places of all elements; the history does not answer.
    pub(crate) fn places(&self, config: &TransformerConfig, device: &Device) -> Places {
        let is_seen = |element: usize, column: usize| {
            let (question, start) = self.blocks[element];
            match column.checked_sub(self.known) {
                None => true,
                Some(other) if other < self.new => other <= element,
                Some(other) if other < self.new + self.questions => question == Some(other - self.new),
                Some(other) => (start..=element).contains(&other),
            }
        };
        let places = Places::seeing(&self.positions, self.known, is_seen, config, device);
        places.answering(self.positions.len() - self.new)
    }
}
