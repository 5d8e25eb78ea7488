//! What needs `unsafe`: the allocator that counts.
#![expect(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The system's allocator, counted where asked.
struct Counted;

#[global_allocator]
static HEAP: Counted = Counted;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// What has been asked of the heap since [`count`] was called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heap {
    /// How many times memory was asked for, or a block made larger or smaller.
    pub(crate) allocations: u64,
    /// The bytes in use now.
    pub(crate) live: usize,
    /// The most bytes that were in use at once.
    pub(crate) peak: usize,
}

/// Starts to count, from nothing. What was allocated before must not be freed while counting.
pub(crate) fn count() {
    ALLOCATIONS.store(0, Relaxed);
    LIVE.store(0, Relaxed);
    PEAK.store(0, Relaxed);
    IS_COUNTING.store(true, Relaxed);
}

/// Stops counting: peers that allocate a lot are not to pay for being counted where only time is measured.
pub(crate) fn stop() -> Heap {
    IS_COUNTING.store(false, Relaxed);
    Heap { allocations: ALLOCATIONS.load(Relaxed), live: LIVE.load(Relaxed), peak: PEAK.load(Relaxed) }
}

fn grown(size: usize) {
    if IS_COUNTING.load(Relaxed) {
        ALLOCATIONS.fetch_add(1, Relaxed);
        let live = LIVE.fetch_add(size, Relaxed).wrapping_add(size);
        PEAK.fetch_max(live, Relaxed);
    }
}

fn shrunk(size: usize) {
    if IS_COUNTING.load(Relaxed) {
        LIVE.fetch_sub(size, Relaxed);
    }
}

// SAFETY: all is left to the system's allocator, with the arguments as they came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller keeps the promises of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: as above. Memory that is zero from the system stays untouched, as without a counter.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Large blocks move by mremap(2), without a second copy: the old one is taken away first.
        shrunk(layout.size());
        grown(size);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}
