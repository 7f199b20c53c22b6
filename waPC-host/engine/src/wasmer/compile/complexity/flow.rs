//! Follows the flow of one function: which of its locals are alive in which of its blocks, and what
//! is handed on where branches meet.
//!
//! A compiler that works on values turns locals into values: wherever branches meet, each local
//! that may have been changed on the way and is read later on becomes a value of its own, which
//! each of the branches hands on. In WebAssembly branches meet behind blocks and at the heads of
//! loops alone, so that both follow from which locals are changed inside.

use super::meter::{Meter, Unfit};
use crate::limits::compile::CompileBound;

/// What a function asks of the register allocator.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Liveness {
    /// How many values are handed on: for each place where branches meet, the values that differ
    /// there, times the branches.
    pub(super) joins: u64,
    /// How many values are alive at the beginning of a block, summed up over all blocks.
    pub(super) live: u64,
    /// How many values are alive at an operator, summed up over all operators: the locals as of the
    /// beginning of its block, and the operands.
    pub(super) pressure: u64,
    /// How many blocks there are.
    pub(super) blocks: u64,
}

/// One function at a time, in the same memory.
#[derive(Default)]
pub(super) struct Flow {
    /// For each local, the number of the last block that read or changed it.
    seen: Vec<u64>,
    /// For each local, the number of the frame that counts it as changed: the innermost that was
    /// open when it was.
    owner: Vec<u64>,
    /// How many numbers were given to blocks and frames, of all functions.
    numbers: u64,
    frames: Vec<Frame>,
    blocks: Vec<Block>,
    /// The first access of each block to each local.
    accesses: Vec<Access>,
    /// From which block to which.
    edges: Vec<(u32, u32)>,
    joins: Vec<Join>,
    /// The locals that differ where branches meet.
    changed: Vec<u32>,
    /// The block that is being followed; none behind a jump.
    current: Option<u32>,
    /// How many blocks there were when the number of operands was last told.
    stood: usize,
    /// The operands at the beginning of each block, summed up.
    operands: u64,
    /// The operands behind each operator, summed up.
    held: u64,
    operators: u64,
    locals: usize,
    has_loops: bool,
}

struct Block {
    number: u64,
    /// Where its accesses begin.
    accesses: usize,
    /// How many operators there are before it.
    operators: u64,
}

#[derive(Clone, Copy)]
struct Access {
    local: u32,
    changes: bool,
}

struct Frame {
    number: u64,
    /// The first block of a loop.
    head: Option<u32>,
    /// The locals that were changed in it, with the frame that had counted each before.
    changed: Vec<(u32, u64)>,
    /// The blocks from which it is jumped to, and how many jumps that are.
    from: Vec<u32>,
    jumps: u64,
    /// How many values a jump takes along.
    values: u64,
    /// Where the other branch of an `if` comes from.
    condition: Option<u32>,
}

/// A place where branches meet.
struct Join {
    block: u32,
    branches: u64,
    values: u64,
    /// Where its locals begin and end in `changed`.
    changed: (usize, usize),
}

impl Flow {
    /// Begins with a function of so many locals.
    pub(super) fn begin(&mut self, locals: usize) {
        self.locals = locals;
        if self.seen.len() < locals {
            self.seen.resize(locals, 0);
            self.owner.resize(locals, 0);
        }
        self.frames.clear();
        self.blocks.clear();
        self.accesses.clear();
        self.edges.clear();
        self.joins.clear();
        self.changed.clear();
        self.has_loops = false;
        (self.operands, self.held, self.operators) = (0, 0, 0);
        self.current = Some(self.new_block());
        self.stood = self.blocks.len();
        self.open(None, 0, None);
    }

    pub(super) fn read(&mut self, local: u32) {
        if self.is_first_access(local) {
            self.accesses.push(Access { local, changes: false });
        }
    }

    pub(super) fn change(&mut self, local: u32) {
        if self.is_first_access(local) {
            self.accesses.push(Access { local, changes: true });
        }
        if self.current.is_some()
            && let (Some(frame), Some(owner)) = (self.frames.last_mut(), self.owner.get_mut(local as usize))
            && *owner != frame.number
        {
            frame.changed.push((local, *owner));
            *owner = frame.number;
        }
    }

    /// A block begins that a jump leaves with so many results.
    pub(super) fn block(&mut self, results: u64) {
        self.open(None, results, None);
    }

    /// A loop begins that a jump begins anew with so many parameters.
    pub(super) fn enter_loop(&mut self, parameters: u64) {
        self.has_loops = true;
        self.go_on();
        self.open(self.current, parameters, None);
    }

    /// The first branch of an `if` begins.
    pub(super) fn branch_in(&mut self, results: u64) {
        let condition = self.current;
        self.go_on();
        self.open(None, results, condition);
    }

    /// The other branch of an `if` begins.
    pub(super) fn other_branch(&mut self) {
        self.jump(0);
        let condition = self.frames.last_mut().and_then(|frame| frame.condition.take());
        self.current = condition;
        self.go_on();
    }

    /// A jump out of so many frames.
    pub(super) fn jump(&mut self, depth: u32) {
        let index = self.frames.len().checked_sub(1 + depth as usize);
        let (Some(current), Some(index)) = (self.current, index) else { return };
        let frame = &mut self.frames[index];
        frame.jumps += 1;
        if frame.from.last() != Some(&current) {
            frame.from.push(current);
            self.edges.extend(frame.head.map(|head| (current, head)));
        }
    }

    /// What follows is a block of its own.
    pub(super) fn go_on(&mut self) {
        if let Some(current) = self.current {
            let next = self.new_block();
            self.edges.push((current, next));
            self.current = Some(next);
        }
    }

    /// What follows is not reached.
    pub(super) fn stop(&mut self) {
        self.current = None;
    }

    /// The innermost frame ends.
    pub(super) fn end(&mut self, meter: &mut Meter<'_>) -> Result<(), Unfit> {
        let Some(mut frame) = self.frames.pop() else { return Ok(()) };
        if let Some(condition) = frame.condition {
            frame.from.push(condition);
            frame.jumps += 1;
        }
        meter.add(CompileBound::Steps, (frame.changed.len() + frame.from.len()) as u64)?;
        match frame.head {
            Some(head) => self.join(head, frame.jumps + 1, &frame),
            // The function's own frame: what meets there are its results, which are nobody's
            // locals.
            None if self.frames.is_empty() => {}
            None if frame.from.is_empty() => {}
            None => {
                let branches = frame.jumps + u64::from(self.current.is_some());
                let block = self.new_block();
                self.edges.extend(self.current.map(|current| (current, block)));
                self.edges.extend(frame.from.iter().map(|from| (*from, block)));
                self.current = Some(block);
                self.join(block, branches, &frame);
            }
        }
        self.hand_over(frame);
        Ok(())
    }

    /// Tells how many operands there are, behind each operator.
    pub(super) fn stands_at(&mut self, operands: u32) {
        let begun = self.blocks.len() - self.stood;
        self.stood = self.blocks.len();
        self.operands = self.operands.saturating_add(begun as u64 * u64::from(operands));
        self.held = self.held.saturating_add(operands.into());
        self.operators += 1;
    }

    /// Finds out what is alive where.
    pub(super) fn finish(&mut self, meter: &mut Meter<'_>) -> Result<Liveness, Unfit> {
        let words = self.locals.div_ceil(64);
        let blocks = self.blocks.len();
        meter.add(CompileBound::Steps, (words as u64).saturating_mul(blocks as u64))?;
        let mut live = vec![0_u64; words * blocks];
        self.edges.sort_unstable();
        let successors = successors(&self.edges, blocks);
        let mut alive = vec![0_u64; words];
        let mut changes = true;
        while changes {
            changes = false;
            meter.add(
                CompileBound::Steps,
                ((blocks + self.edges.len()) * (words + 1) + self.accesses.len()) as u64,
            )?;
            let mut end = self.accesses.len();
            for (block, Block { accesses, .. }) in self.blocks.iter().enumerate().rev() {
                alive.fill(0);
                for (_, next) in successors[block] {
                    let next = *next as usize * words;
                    alive.iter_mut().zip(&live[next..next + words]).for_each(|(all, one)| *all |= one);
                }
                for Access { local, changes } in &self.accesses[*accesses..end] {
                    let (word, bit) = place(*local);
                    alive[word] = if *changes { alive[word] & !bit } else { alive[word] | bit };
                }
                end = *accesses;
                let known = &mut live[block * words..(block + 1) * words];
                if *known != *alive {
                    known.copy_from_slice(&alive);
                    changes = self.has_loops;
                }
            }
        }
        let joins = self.joins.iter().map(|join| {
            let live = &live[join.block as usize * words..];
            let changed = &self.changed[join.changed.0..join.changed.1];
            let differ = changed.iter().filter(|local| {
                let (word, bit) = place(**local);
                live[word] & bit != 0
            });
            (differ.count() as u64 + join.values).saturating_mul(join.branches)
        });
        let (mut all, mut pressure, mut end) = (self.operands, self.held, self.operators);
        for (block, Block { operators, .. }) in self.blocks.iter().enumerate().rev() {
            let live = &live[block * words..(block + 1) * words];
            let locals = live.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
            all = all.saturating_add(locals);
            pressure = pressure.saturating_add(locals.saturating_mul(end - operators));
            end = *operators;
        }
        Ok(Liveness { joins: joins.fold(0, u64::saturating_add), live: all, pressure, blocks: blocks as u64 })
    }

    fn new_block(&mut self) -> u32 {
        self.numbers += 1;
        let (number, accesses, operators) = (self.numbers, self.accesses.len(), self.operators);
        self.blocks.push(Block { number, accesses, operators });
        (self.blocks.len() - 1) as u32
    }

    fn open(&mut self, head: Option<u32>, values: u64, condition: Option<u32>) {
        self.numbers += 1;
        self.frames.push(Frame {
            number: self.numbers,
            head,
            changed: Vec::new(),
            from: Vec::new(),
            jumps: 0,
            values,
            condition,
        });
    }

    fn is_first_access(&mut self, local: u32) -> bool {
        let block = self.current.and_then(|block| self.blocks.get(block as usize));
        let (Some(block), Some(seen)) = (block, self.seen.get_mut(local as usize)) else { return false };
        std::mem::replace(seen, block.number) != block.number
    }

    fn join(&mut self, block: u32, branches: u64, frame: &Frame) {
        if branches > 1 {
            let begin = self.changed.len();
            self.changed.extend(frame.changed.iter().map(|(local, _)| *local));
            let changed = (begin, self.changed.len());
            self.joins.push(Join { block, branches, values: frame.values, changed });
        }
    }

    /// What was changed in a frame was changed in the one around it, too.
    fn hand_over(&mut self, frame: Frame) {
        let Some(outer) = self.frames.last_mut() else { return };
        for (local, before) in frame.changed {
            if before != outer.number {
                outer.changed.push((local, before));
            }
            self.owner[local as usize] = outer.number;
        }
    }
}

/// For each block, the edges that begin there, out of all that are sorted by where they begin.
fn successors(mut edges: &[(u32, u32)], blocks: usize) -> Vec<&[(u32, u32)]> {
    let of = |block| {
        let (own, others) = edges.split_at(edges.partition_point(|(from, _)| *from as usize <= block));
        edges = others;
        own
    };
    (0..blocks).map(of).collect()
}

/// The word and the bit of a local.
fn place(local: u32) -> (usize, u64) {
    (local as usize / 64, 1 << (local % 64))
}
