//! The allocator of a component: free lists by size, because the standard one is a sixth of a
//! small component.
//!
//! | size in bytes | rounded up to |
//! |---|---|
//! | to 1024 | a multiple of 16 |
//! | above | two steps per power of two: at most a third is unused |
//! | aligned to more than 16 | a power of two, aligned to itself |
//!
//! A freed block is kept for its class and never split or merged: a stage asks for the same
//! sizes batch after batch. The last block grows where it stands.

use std::alloc::{GlobalAlloc, Layout};
use std::arch::wasm32::memory_grow;
use std::cell::UnsafeCell;
use std::ptr::null_mut;

const PAGE: usize = 65_536;
const SMALL: usize = 1024;
/// Classes of multiples of 16, of the steps above them, and of powers of two.
const CLASSES: usize = SMALL / 16 + 2 * 22 + 32;

#[global_allocator]
static ALLOCATOR: Allocator =
    Allocator(UnsafeCell::new(Heap { free: [0; CLASSES], next: 0, end: 0 }));

struct Allocator(UnsafeCell<Heap>);

// SAFETY: components have one thread, and no method hands out a reference to the heap.
unsafe impl Sync for Allocator {}

struct Heap {
    /// First free block of each class; each block starts with the address of the next.
    free: [usize; CLASSES],
    /// Memory from here to `end` was never handed out.
    next: usize,
    end: usize,
}

/// The class of a layout, the bytes of its blocks, and their alignment.
fn class(layout: Layout) -> Option<(usize, usize, usize)> {
    let size = layout.size().max(16);
    if layout.align() > 16 {
        let bytes = size.max(layout.align()).checked_next_power_of_two()?;
        return Some((CLASSES - 1 - bytes.leading_zeros() as usize, bytes, bytes));
    }
    if size <= SMALL {
        let class = size.div_ceil(16);
        return Some((class - 1, class * 16, 16));
    }
    // Above a power of two the steps are halves of it. Finer ones would waste less, and keep
    // more: a buffer whose size varies leaves a free block in every class it visits.
    let shift = (size - 1).ilog2() - 1;
    let steps = ((size - 1) >> shift) + 1;
    Some((SMALL / 16 + (shift as usize - 9) * 2 + steps - 3, steps << shift, 16))
}

impl Heap {
    /// Memory that was never handed out; 0 when there is no more.
    fn fresh(&mut self, bytes: usize, align: usize) -> usize {
        let start = self.next.next_multiple_of(align);
        let Some(end) = start.checked_add(bytes) else { return 0 };
        if end <= self.end && self.end > 0 {
            self.next = end;
            return start;
        }
        // What is left before a block that does not fit stays unused only when another user
        // of the memory grew it in between.
        let pages = (bytes + align).div_ceil(PAGE);
        let grown = memory_grow(0, pages);
        if grown == usize::MAX {
            return 0;
        }
        if grown * PAGE != self.end {
            self.next = grown * PAGE;
        }
        self.end = (grown + pages) * PAGE;
        let start = self.next.next_multiple_of(align);
        self.next = start + bytes;
        start
    }
}

// SAFETY: a block is in use or in one free list, never both; blocks of a class have the same
// size, which is at least that of every layout of the class, and its alignment.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((class, bytes, align)) = class(layout) else { return null_mut() };
        // SAFETY: the only reference to the heap, alive in this function alone.
        let heap = unsafe { &mut *self.0.get() };
        let block = heap.free[class];
        if block == 0 {
            return heap.fresh(bytes, align) as *mut u8;
        }
        // SAFETY: a free block starts with the address of the next one.
        heap.free[class] = unsafe { *(block as *const usize) };
        block as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((class, ..)) = class(layout) else { return };
        // SAFETY: the only reference to the heap, alive in this function alone.
        let heap = unsafe { &mut *self.0.get() };
        // SAFETY: the block is free now, at least 16 bytes long, and aligned to 16.
        unsafe { *(block as *mut usize) = heap.free[class] };
        heap.free[class] = block as usize;
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return null_mut() };
        let (Some((old, old_bytes, _)), Some((new, new_bytes, align))) =
            (class(layout), class(wanted))
        else {
            return null_mut();
        };
        if old == new {
            return block;
        }
        // SAFETY: the only reference to the heap, not alive when `alloc` is called below.
        let heap = unsafe { &mut *self.0.get() };
        let is_last = block as usize + old_bytes == heap.next && align == 16;
        if is_last && block as usize + new_bytes <= heap.end {
            heap.next = block as usize + new_bytes;
            return block;
        }
        // SAFETY: the layout has a size, as the caller promised for `size`.
        let moved = unsafe { self.alloc(wanted) };
        if !moved.is_null() {
            // SAFETY: both blocks hold as many bytes, and a new block overlaps no other.
            unsafe { moved.copy_from_nonoverlapping(block, layout.size().min(size)) };
            // SAFETY: the caller gives the block up.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}
