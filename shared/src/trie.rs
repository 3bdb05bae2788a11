//! Which titles can still come? A trie of all completions, a beam search that follows it, and free writing.
//!
//! The beam scores a large catalogue of the token vocabulary without reading every title: only prefixes of
//! titles exist, so that every answer is an item. What it returns has the score that [`Scorer::score`] gives;
//! what a narrow beam loses is only which items it reaches.

use std::ops::Range;

use burn::tensor::ExecutionError;

use crate::{
    interaction::Interaction,
    model::KvCache,
    pass::Memory,
    places::Places,
    score::{Scorer, log_sum_exp, read},
    vocabulary::{
        Vocabulary,
        tokens::{TokenVocabulary, token_batch},
    },
};

/// All completions of a catalogue, shared beginnings stored once.
///
/// Nodes are numbered breadth first, so that the children of a node follow each other and edge e leads to
/// node e + 1: compressed rows of edges need neither pointers nor child numbers.
#[derive(Clone, Debug)]
pub struct Trie {
    /// Edges of node n: `starts[n]..starts[n + 1]`.
    starts: Vec<usize>,
    /// The token of each edge.
    tokens: Vec<u32>,
    /// Below node n lie the items `order[spans[n]]`; the first `ends[n]` of them end there.
    spans: Vec<Range<usize>>,
    ends: Vec<usize>,
    /// Items in the order of their completions.
    order: Vec<usize>,
}

impl Trie {
    /// The trie of the titles' completions: each title and the token that ends it.
    #[must_use]
    pub fn new(titles: &[Vec<u32>], end: u32) -> Self {
        let completions: Vec<Vec<u32>> =
            titles.iter().map(|title| [title.as_slice(), &[end]].concat()).collect();
        let mut order: Vec<usize> = (0..titles.len()).collect();
        order.sort_by(|&a, &b| completions[a].cmp(&completions[b]).then(a.cmp(&b)));
        let mut trie = Self {
            starts: vec![0],
            tokens: Vec::new(),
            spans: std::iter::once(0..order.len()).collect(),
            ends: Vec::new(),
            order,
        };
        let mut depths = vec![0];
        let mut node = 0;
        while node < trie.spans.len() {
            let (span, depth) = (trie.spans[node].clone(), depths[node]);
            // In sorted order what ends here comes before what goes on.
            let end = span.start
                + trie.order[span.clone()].partition_point(|&item| completions[item].len() == depth);
            trie.ends.push(end - span.start);
            let mut from = end;
            while from < span.end {
                let token = completions[trie.order[from]][depth];
                let to = from
                    + trie.order[from..span.end].partition_point(|&item| completions[item][depth] == token);
                trie.tokens.push(token);
                trie.spans.push(from..to);
                depths.push(depth + 1);
                from = to;
            }
            trie.starts.push(trie.tokens.len());
            node += 1;
        }
        trie
    }

    /// Number of nodes, the root included.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.spans.len()
    }

    /// Token and node of every way on.
    fn children(&self, node: usize) -> impl Iterator<Item = (u32, usize)> + '_ {
        (self.starts[node]..self.starts[node + 1]).map(|edge| (self.tokens[edge], edge + 1))
    }

    fn ended(&self, node: usize) -> &[usize] {
        let start = self.spans[node].start;
        &self.order[start..start + self.ends[node]]
    }

    fn is_leaf(&self, node: usize) -> bool {
        self.starts[node] == self.starts[node + 1]
    }
}

/// A prefix of titles that the beam holds.
struct Prefix {
    node: usize,
    token: u32,
    /// log π of the prefix for each intensity that is asked for.
    by_asked: Vec<f32>,
    /// The mixture of them, which only falls as the prefix grows.
    score: f32,
    /// Columns of its earlier tokens, counted from the end of the prompt.
    ancestors: Vec<usize>,
}

impl Scorer {
    /// Items and their log π, best first, found by a beam of the `width` likeliest prefixes of titles.
    ///
    /// Items that are not allowed take no place in the beam. A beam as wide as the catalogue finds every item,
    /// and one of width W every item with π > 1/W: prefixes of one length exclude each other, so that fewer
    /// than W of them can be as likely.
    /// An empty history and an item vocabulary, which scores all items in one product, have no answer.
    /// `memory` is read on and from, as in [`Scorer::score_with`].
    ///
    /// # Errors
    /// When the device fails.
    pub async fn search(
        &self,
        trie: &Trie,
        memory: &mut Memory,
        history: &[Interaction],
        width: usize,
        is_allowed: &[bool],
    ) -> Result<Vec<(usize, f32)>, ExecutionError> {
        let Vocabulary::Tokens(vocabulary) = &self.model.vocabulary else {
            return Ok(Vec::new());
        };
        if history.is_empty() || width == 0 {
            return Ok(Vec::new());
        }
        // Allowed items before each place in the order: whether a node leads to one is a difference of two.
        let is_allowed = |item: usize| is_allowed.get(item).copied().unwrap_or(false);
        let mut allowed_before = Vec::with_capacity(trie.order.len() + 1);
        let mut allowed = 0;
        allowed_before.push(allowed);
        for &item in &trie.order {
            allowed += usize::from(is_allowed(item));
            allowed_before.push(allowed);
        }
        let leads_on = |node: usize| {
            let span = &trie.spans[node];
            allowed_before[span.end] > allowed_before[span.start]
        };
        let weights: Vec<f32> = self.config.asked.iter().map(|asked| asked.weight.ln()).collect();
        let mut readers = Vec::with_capacity(weights.len());
        // log π of every token after each held prefix, for each intensity asked for.
        let mut next = Vec::with_capacity(weights.len());
        for asked in &self.config.asked {
            let (reader, first) = Reader::new(self, vocabulary, memory, history, asked.level).await?;
            readers.push(reader);
            next.push(first);
        }
        let root =
            Prefix { node: 0, token: 0, by_asked: vec![0.0; weights.len()], score: 0.0, ancestors: vec![] };
        let mut held = vec![root];
        let mut found: Vec<(usize, f32)> = Vec::new();
        let mut columns = 0;
        while !held.is_empty() {
            let mut grown = Vec::new();
            for (row, prefix) in held.iter().enumerate() {
                for (token, node) in trie.children(prefix.node).filter(|&(_, node)| leads_on(node)) {
                    let by_asked: Vec<f32> = next
                        .iter()
                        .zip(&prefix.by_asked)
                        .map(|(next, before)| before + next[row * (next.len() / held.len()) + token as usize])
                        .collect();
                    let score = log_sum_exp(by_asked.iter().zip(&weights).map(|(log_p, w)| log_p + w));
                    // What is no number or impossible leads nowhere.
                    if score.is_nan() || score == f32::NEG_INFINITY {
                        continue;
                    }
                    let ended = trie.ended(node).iter().filter(|&&item| is_allowed(item));
                    found.extend(ended.map(|&item| (item, score)));
                    if !trie.is_leaf(node) {
                        let mut ancestors = prefix.ancestors.clone();
                        if prefix.node != 0 {
                            ancestors.push(columns - held.len() + row);
                        }
                        grown.push(Prefix { node, token, by_asked, score, ancestors });
                    }
                }
            }
            found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            // A prefix below the worst of a full answer can only fall further.
            let least = found.get(width - 1).map_or(f32::NEG_INFINITY, |last| last.1);
            grown.retain(|prefix| prefix.score >= least);
            grown.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.node.cmp(&b.node)));
            grown.truncate(width);
            held = grown;
            if held.is_empty() {
                break;
            }
            let tokens: Vec<u32> = held.iter().map(|prefix| prefix.token).collect();
            for (reader, next) in readers.iter_mut().zip(&mut next) {
                *next = reader.read_on(&tokens, |row| &held[row].ancestors).await?;
            }
            columns += held.len();
        }
        Ok(found)
    }

    /// What the model writes after the prompt when nothing constrains it: the likeliest token again and again,
    /// until the end token (left out) or `most` tokens. It asks for the first intensity of its mixture.
    ///
    /// `None` for an item vocabulary, which has no words, and for an empty history.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn write(
        &self,
        history: &[Interaction],
        most: usize,
    ) -> Result<Option<Vec<u32>>, ExecutionError> {
        let (Vocabulary::Tokens(vocabulary), Some(asked)) =
            (&self.model.vocabulary, self.config.asked.first())
        else {
            return Ok(None);
        };
        if history.is_empty() {
            return Ok(None);
        }
        let mut memory = Memory::default();
        let (mut reader, mut next) = Reader::new(self, vocabulary, &mut memory, history, asked.level).await?;
        let mut written: Vec<u32> = Vec::new();
        let mut ancestors: Vec<usize> = Vec::new();
        while written.len() < most {
            let Some(token) = likeliest(&next).filter(|&token| token != self.end()) else {
                break;
            };
            next = reader.read_on(&[token], |_| &ancestors).await?;
            ancestors.push(written.len());
            written.push(token);
        }
        Ok(Some(written))
    }
}

/// The likeliest token; the earlier of two alike, and none that is no number.
fn likeliest(log_probs: &[f32]) -> Option<u32> {
    crate::rank::top_k(log_probs.iter().copied().enumerate(), 1).first().map(|best| best.item as u32)
}

/// A prompt that is read on, by branches that share its keys and values.
struct Reader<'a> {
    scorer: &'a Scorer,
    vocabulary: &'a TokenVocabulary,
    cache: KvCache,
    /// Length of the prompt.
    prefix: usize,
    /// Tokens read after it.
    read: usize,
}

impl<'a> Reader<'a> {
    /// Reads the prompt; log π of every token after it.
    async fn new(
        scorer: &'a Scorer,
        vocabulary: &'a TokenVocabulary,
        memory: &mut Memory,
        history: &[Interaction],
        level: usize,
    ) -> Result<(Self, Vec<f32>), ExecutionError> {
        let (prefix, cache, first) = scorer.read_prompt(vocabulary, memory, history, level).await?;
        Ok((Self { scorer, vocabulary, cache, prefix, read: 0 }, first))
    }

    /// Reads one more token of each branch in one pass: each sees the prompt, its own earlier tokens (columns
    /// counted from the end of the prompt) and itself. The cache stays one row, however many branches grow.
    ///
    /// # Shapes
    /// W tokens → W·V log-probabilities
    async fn read_on<'b>(
        &mut self,
        tokens: &[u32],
        ancestors: impl Fn(usize) -> &'b Vec<usize>,
    ) -> Result<Vec<f32>, ExecutionError> {
        let (prefix, cached) = (self.prefix, self.prefix + self.read);
        let positions: Vec<usize> = (0..tokens.len()).map(|row| prefix + ancestors(row).len()).collect();
        let is_seen = |row: usize, column: usize| {
            column < prefix || column == cached + row || ancestors(row).contains(&(column - prefix))
        };
        let Scorer { model, config, device, .. } = self.scorer;
        let places = Places::seeing(&positions, cached, is_seen, &config.transformer, device);
        let embeddings = self.vocabulary.embed(token_batch(&[tokens.to_vec()], device));
        let states = model.model.forward(embeddings, &places, Some(&mut self.cache));
        self.read += tokens.len();
        let [_, count, hidden] = states.dims();
        let log_probs = self.vocabulary.log_probabilities(states.reshape([count, hidden]));
        let all = log_probs.dims()[0] * log_probs.dims()[1];
        read(log_probs.reshape([all])).await
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use futures_lite::future::block_on;

    use super::*;
    use crate::{
        model::TransformerConfig,
        prompt::{END, Template},
        vocabulary::{Asked, ModelConfig, VocabularyConfig, tokens::TokenVocabularyConfig},
    };

    /// Titles over tokens 11 to 16: shared beginnings, one title within another, and two alike.
    fn titles() -> Vec<Vec<u32>> {
        let titles: [&[u32]; 12] = [
            &[11, 12, 13],
            &[11, 12],
            &[11, 14],
            &[12],
            &[12, 12, 12, 12],
            &[13, 11],
            &[11, 12],
            &[14, 15, 16],
            &[14, 15, 11],
            &[15],
            &[16, 13, 12],
            &[16, 13, 11],
        ];
        titles.map(<[u32]>::to_vec).to_vec()
    }

    fn scorer(seed: u64) -> Scorer {
        let config = ModelConfig {
            transformer: TransformerConfig {
                hidden_size: 16,
                num_hidden_layers: 2,
                num_attention_heads: 2,
                num_key_value_heads: 1,
                intermediate_size: 24,
                ..TransformerConfig::default()
            },
            vocabulary: VocabularyConfig::Tokens(TokenVocabularyConfig {
                tokens: 17,
                tie_word_embeddings: false,
                template: Template::default(),
            }),
            context: 4,
            asked: vec![Asked { level: 8, weight: 0.75 }, Asked { level: 2, weight: 0.25 }],
        };
        let device = Device::flex();
        device.seed(seed);
        Scorer::new(&config.init(&device), config, titles(), &device)
    }

    fn history() -> Vec<Interaction> {
        [(0, 1.0), (7, -1.0), (3, 0.5)]
            .map(|(item, intensity)| Interaction { item, intensity, time_ms: 0 })
            .to_vec()
    }

    #[test]
    fn a_trie_by_hand() {
        // a = 11 END, b = 11 12 END: root, 11, then END (1) and 12, then END.
        let trie = Trie::new(&[vec![11, 12], vec![11], vec![11]], END);
        assert_eq!(trie.nodes(), 5);
        assert_eq!(trie.children(0).collect::<Vec<_>>(), [(11, 1)]);
        assert_eq!(trie.children(1).collect::<Vec<_>>(), [(END, 2), (12, 3)]);
        assert_eq!(trie.ended(2), [1, 2]);
        assert_eq!(trie.children(3).collect::<Vec<_>>(), [(END, 4)]);
        assert_eq!((trie.ended(4), trie.ended(0)), (&[0][..], &[][..]));
        assert!(trie.is_leaf(2) && !trie.is_leaf(3));
        assert_eq!(Trie::new(&[], END).nodes(), 1);
    }

    #[test]
    fn a_beam_as_wide_as_the_catalogue_is_exact() {
        let (scorer, trie, history) = (scorer(1), Trie::new(&titles(), END), history());
        let all: Vec<usize> = (0..titles().len()).collect();
        let exact = block_on(scorer.score(&history, &all)).unwrap();
        let mut found = block_on(scorer.search(
            &trie,
            &mut Memory::default(),
            &history,
            all.len(),
            &vec![true; all.len()],
        ))
        .unwrap();
        assert!(found.is_sorted_by(|a, b| a.1 >= b.1));
        found.sort_unstable_by_key(|(item, _)| *item);
        assert_eq!(found.iter().map(|(item, _)| *item).collect::<Vec<_>>(), all);
        for (item, score) in found {
            assert!((score - exact[item]).abs() < 1e-4, "item {item}: {score} and {}", exact[item]);
        }
    }

    #[test]
    fn a_narrow_beam_finds_less_but_never_a_wrong_score_or_item() {
        let (scorer, trie, history) = (scorer(2), Trie::new(&titles(), END), history());
        let all: Vec<usize> = (0..titles().len()).collect();
        let exact = block_on(scorer.score(&history, &all)).unwrap();
        let mut is_allowed = vec![true; all.len()];
        for item in [1, 3, 10] {
            is_allowed[item] = false;
        }
        let mut found_before = 0;
        for width in [1, 3, 12] {
            let found =
                block_on(scorer.search(&trie, &mut Memory::default(), &history, width, &is_allowed)).unwrap();
            assert!(found.len() >= found_before && !found.is_empty());
            found_before = found.len();
            for (item, score) in found {
                assert!(is_allowed[item]);
                assert!((score - exact[item]).abs() < 1e-4);
            }
        }
        assert_eq!(found_before, 9);
        assert!(
            block_on(scorer.search(&trie, &mut Memory::default(), &[], 3, &is_allowed)).unwrap().is_empty()
        );
    }

    #[test]
    fn a_search_that_reads_on_finds_the_same() {
        let (scorer, trie, history) = (scorer(5), Trie::new(&titles(), END), history());
        let is_allowed = vec![true; titles().len()];
        let mut memory = Memory::default();
        for count in [1, 2, 3, 2] {
            let history = &history[..count];
            let on = block_on(scorer.search(&trie, &mut memory, history, 4, &is_allowed)).unwrap();
            let anew =
                block_on(scorer.search(&trie, &mut Memory::default(), history, 4, &is_allowed)).unwrap();
            assert_eq!(on.len(), anew.len());
            for (on, anew) in on.iter().zip(anew) {
                assert!(on.0 == anew.0 && (on.1 - anew.1).abs() < 1e-5);
            }
            assert!(!memory.is_empty());
        }
    }

    #[test]
    fn what_is_written_is_the_likeliest_token_after_all_before_it() {
        let (scorer, history) = (scorer(3), history());
        let asked = scorer.asking(vec![Asked { level: 8, weight: 1.0 }]);
        let written = block_on(asked.write(&history, 6)).unwrap().unwrap();
        assert!(written.len() <= 6 && !written.contains(&END));
        // Each token again, by reading prompt and words so far in one pass without a cache.
        let Vocabulary::Tokens(vocabulary) = &asked.model.vocabulary else { panic!() };
        for count in 0..=written.len().min(5) {
            let mut tokens = Template::default().prompt(&history, &titles(), 8);
            tokens.extend(&written[..count]);
            let row = crate::places::RowPlaces::causal(tokens.len());
            let places = Places::new(&[row], 0, &asked.config.transformer, &asked.device);
            let embeddings = vocabulary.embed(token_batch(&[tokens.clone()], &asked.device));
            let states = asked.model.model.forward(embeddings, &places, None);
            let last = states.narrow(1, tokens.len() - 1, 1).reshape([1, 16]);
            let log_probs = block_on(read(vocabulary.log_probabilities(last).reshape([17]))).unwrap();
            let best = (0..17).max_by(|&a, &b| log_probs[a].total_cmp(&log_probs[b])).unwrap() as u32;
            assert_eq!(written.get(count).copied().unwrap_or(END), best);
        }
    }

    #[test]
    fn asking_for_one_level_is_that_part_of_the_mixture() {
        let (scorer, history) = (scorer(4), history());
        let score = |scorer: &Scorer| block_on(scorer.score(&history, &[0, 5])).unwrap();
        let part = |level| score(&scorer.asking(vec![Asked { level, weight: 1.0 }]));
        let (mixed, high, low) = (score(&scorer), part(8), part(2));
        for item in 0..2 {
            let expected = (0.75 * high[item].exp() + 0.25 * low[item].exp()).ln();
            assert!((mixed[item] - expected).abs() < 1e-4);
            assert!((high[item] - low[item]).abs() > 1e-4);
        }
    }
}
