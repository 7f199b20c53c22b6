//! Keeps the content of a guest's memory, and puts it back.
//!
//! Where the system tells which pages were written to, what the memory held is mapped over it,
//! copy-on-write, and only the pages that runs write to are put back. Which those are is asked anew
//! only after a run in which the thread had a page fault: without one, no page was written to for
//! the first time. Elsewhere all of the memory is put back.

use std::{ops::Range, slice};

use wasmer::sys::vm::VMMemoryDefinition;

use crate::{
    error::Unrestorable,
    wasmer::memory::{
        limited::MemoryPointer,
        pages::{self, Addresses, Original},
    },
};

/// The largest memory that is put back whole, in bytes: a few milliseconds.
const LARGEST_WHOLE: usize = 16 << 20;
/// The most content that is kept of a memory of which only what changed is put back, in bytes.
const LARGEST_CONTENT: usize = 64 << 20;
/// When more than this is written to, in bytes, the pages are dropped and not put back one by one:
/// a fault for each that is used again costs less then.
const MOST_WRITTEN: usize = 4 << 20;

/// So many bytes are looked at together. A multiple of it is mapped.
const BLOCK: usize = 4096;
static ZEROS: [u8; BLOCK] = [0; BLOCK];
/// What is mapped is a multiple of this, which is one of any page's size, in bytes.
const LARGEST_PAGE: usize = 64 << 10;

/// What a memory held.
pub(super) struct MemoryImage {
    /// The size in bytes.
    size: usize,
    content: Content,
}

enum Content {
    /// Up to the last byte that is not zero.
    Whole(Vec<u8>),
    Written(Written),
}

/// What the memory holds beyond what is mapped over it, or over nothing.
struct Written {
    /// Over the beginning of the memory. Behind it there were zeros.
    original: Option<Original>,
    /// The pages that were written to when that was last asked.
    pages: Vec<Addresses>,
    /// Whether there may be others.
    is_outdated: bool,
}

impl MemoryImage {
    /// # Errors
    /// [`Unrestorable::LargeMemory`] and [`Unrestorable::NoRoom`].
    ///
    /// # Safety
    /// The memory's instance must live, and no run of it may be under way. `before` must be the last
    /// image of the same memory, if there was one.
    pub(super) unsafe fn take(memory: &MemoryPointer, before: Option<&Self>) -> Result<Self, Unrestorable> {
        // SAFETY: the caller vouches for the memory, of which nothing is written while this is used.
        let bytes = unsafe { bytes(memory) };
        let size = bytes.len();
        // SAFETY: as above; the range is that of the bytes.
        if let Some(written) = unsafe { Written::keep(bytes, before) }? {
            return Ok(Self { size, content: Content::Written(written) });
        }
        if size > LARGEST_WHOLE {
            return Err(Unrestorable::LargeMemory { size, limit: LARGEST_WHOLE });
        }
        let end = not_zero(bytes).last().map_or(0, |block| block.end);
        let mut content = Vec::new();
        content.try_reserve_exact(end).map_err(|_| Unrestorable::NoRoom)?;
        content.extend_from_slice(&bytes[..end]);
        Ok(Self { size, content: Content::Whole(content) })
    }

    /// Begins a run of the instance; what it returns goes to [`ran`](Self::ran) when that is over.
    #[inline]
    pub(super) fn runs(&mut self) -> Option<u64> {
        match &mut self.content {
            Content::Written(written) if !written.is_outdated => {
                // As long as the run has not come back.
                written.is_outdated = true;
                pages::faults_of_thread()
            }
            _ => None,
        }
    }

    /// Ends a run, on the thread that it ran on.
    #[inline]
    pub(super) fn ran(&mut self, faults: Option<u64>) {
        if let (Some(faults), Content::Written(written)) = (faults, &mut self.content) {
            written.is_outdated = pages::faults_of_thread() != Some(faults);
        }
    }

    /// # Errors
    /// [`Unrestorable::Grown`], after which the instance must not be used.
    ///
    /// # Safety
    /// The memory must be the one that the image was taken of, its instance must live, and no run of
    /// it may be under way.
    pub(super) unsafe fn put_back(&mut self, memory: &MemoryPointer) -> Result<(), Unrestorable> {
        // SAFETY: the caller vouches for all of it.
        unsafe { shrink(memory, self.size) }?;
        // SAFETY: the caller vouches for the memory, and nothing else refers to it now.
        let bytes = unsafe { bytes(memory) };
        match &mut self.content {
            Content::Whole(content) => put_back_whole(content, bytes),
            // SAFETY: the pages are those of the memory.
            Content::Written(written) => unsafe { written.put_back(bytes) },
        }
        Ok(())
    }
}

impl Written {
    /// `None` where the system does not tell which pages were written to.
    ///
    /// # Safety
    /// `bytes` must be all of a live guest's memory, of which `before` is the last image.
    unsafe fn keep(bytes: &mut [u8], before: Option<&MemoryImage>) -> Result<Option<Self>, Unrestorable> {
        let addresses = addresses(bytes);
        let mapped = match before {
            Some(MemoryImage { content: Content::Written(written), .. }) => written.mapped(),
            _ => 0,
        };
        let mut touched = Vec::new();
        // What lies over an earlier image is not told apart from it.
        touched.push(addresses.start..addresses.start + mapped);
        if !pages::written(addresses.start + mapped..addresses.end, &mut touched) {
            return Ok(None);
        }
        let mut blocks = Vec::new();
        for pages in touched {
            let at = pages.start - addresses.start;
            let in_pages = not_zero(&bytes[at..pages.end - addresses.start]);
            blocks.extend(in_pages.map(|block| pages.start + block.start..pages.start + block.end));
        }
        let end = blocks.last().map_or(0, |last: &Addresses| last.end - addresses.start);
        // What is mapped stays, for behind it there would be what was kept before.
        let end = end.next_multiple_of(LARGEST_PAGE).max(mapped);
        if end > LARGEST_CONTENT {
            return Err(Unrestorable::LargeMemory { size: end, limit: LARGEST_CONTENT });
        }
        let behind = addresses.start + end..addresses.end;
        // SAFETY: the pages are the memory's. The bytes are not used again, and what is dropped are
        // zeros, or lies behind the image before, whose place this takes.
        let original = unsafe {
            if !pages::keep_small(&addresses) || !pages::drop_content(&behind) {
                return Err(Unrestorable::NoRoom);
            }
            match end {
                0 => None,
                _ => Some(
                    Original::keep(&(addresses.start..behind.start), &blocks).ok_or(Unrestorable::NoRoom)?,
                ),
            }
        };
        Ok(Some(Self { original, pages: Vec::new(), is_outdated: true }))
    }

    /// How much of the memory is mapped, in bytes.
    fn mapped(&self) -> usize {
        self.original.as_ref().map_or(0, |original| original.bytes().len())
    }

    /// # Safety
    /// `bytes` must be all of the memory.
    unsafe fn put_back(&mut self, bytes: &mut [u8]) {
        let addresses = addresses(bytes);
        if self.is_outdated {
            self.pages.clear();
            let is_told = pages::written(addresses.clone(), &mut self.pages);
            let written: usize = self.pages.iter().map(Range::len).sum();
            // SAFETY: the memory is this process's own, and its bytes are not referred to.
            if (!is_told || written > MOST_WRITTEN) && unsafe { pages::drop_content(&addresses) } {
                self.pages.clear();
            } else if !is_told {
                self.pages = vec![addresses.clone()];
            }
            self.is_outdated = !is_told;
        }
        let original = self.original.as_ref().map_or(&[][..], Original::bytes);
        for pages in &self.pages {
            let range = pages.start - addresses.start..pages.end - addresses.start;
            let (kept, zeros) =
                bytes[range.clone()].split_at_mut(original.len().clamp(range.start, range.end) - range.start);
            kept.copy_from_slice(&original[range.start.min(original.len())..range.end.min(original.len())]);
            zeros.fill(0);
        }
    }
}

fn put_back_whole(content: &[u8], bytes: &mut [u8]) {
    let (written, rest) = bytes.split_at_mut(content.len());
    written.copy_from_slice(content);
    // Memory that was never written to stays that way.
    for block in rest.chunks_mut(BLOCK).filter(|block| **block != ZEROS[..block.len()]) {
        block.fill(0);
    }
}

/// The blocks that are not all zeros.
fn not_zero(bytes: &[u8]) -> impl DoubleEndedIterator<Item = Range<usize>> + '_ {
    let blocks = bytes.chunks(BLOCK).enumerate().filter(|(_, block)| **block != ZEROS[..block.len()]);
    blocks.map(|(index, block)| index * BLOCK..index * BLOCK + block.len())
}

fn addresses(bytes: &[u8]) -> Addresses {
    let start = bytes.as_ptr() as usize;
    start..start + bytes.len()
}

/// Has the memory be as large as it was, if it has grown.
///
/// # Errors
/// [`Unrestorable::Grown`] when the system cannot do that.
///
/// # Safety
/// As for [`MemoryImage::put_back`].
unsafe fn shrink(memory: &MemoryPointer, size: usize) -> Result<(), Unrestorable> {
    let Some(mut definition) = memory.definition() else { return Ok(()) };
    // SAFETY: the definition lies in the instance, which the caller vouches for. The pages behind the
    // size are its own, and were never mapped to anything.
    unsafe {
        let VMMemoryDefinition { base, current_length } = *definition.as_ref();
        if current_length > size {
            if !pages::close(&(base as usize + size..base as usize + current_length)) {
                return Err(Unrestorable::Grown);
            }
            definition.as_mut().current_length = size;
        }
    }
    Ok(())
}

/// All of a guest's memory.
///
/// # Safety
/// The instance must live, none of its runs may be under way, and nothing else may refer to its
/// memory for as long as the returned value is used.
unsafe fn bytes<'a>(memory: &MemoryPointer) -> &'a mut [u8] {
    let Some(definition) = memory.definition() else { return &mut [] };
    // SAFETY: the definition lies in the instance, which the caller vouches for.
    let VMMemoryDefinition { base, current_length } = *unsafe { definition.as_ref() };
    if current_length == 0 {
        return &mut [];
    }
    // SAFETY: wasmer keeps the base and size of the live memory there, and the caller vouches that
    // nothing else uses it.
    unsafe { slice::from_raw_parts_mut(base, current_length) }
}
