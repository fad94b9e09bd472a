#pragma once

#include <cstddef>

namespace report {

/// Bytes of this process in physical memory now; 0 where the system does not say.
std::size_t resident_bytes();

/// Gives memory that was freed back to the system, where the allocator can, so that it no longer counts as resident.
void release_freed_memory();

/// Brings the whole of the program's and its libraries' code and constants into memory, where the system can be asked to. Code becomes resident when it
/// first runs: without this, a part of the program that runs later than another seems to need more memory by its own size.
void load_program();

/// The most bytes of this process that were in physical memory since restart().
///
/// On Linux it is the kernel's own high-water mark, set back by restart(). Where that cannot be set back (other systems, a
/// /proc that is not writable) it is the most that sample() and bytes() saw: call sample() where memory is likely to be highest.
class ResidentPeak {
public:
    ResidentPeak() { restart(); }

    void restart();
    void sample();
    std::size_t bytes();

    /// Whether the kernel keeps the mark, so that nothing between samples is missed.
    bool exact() const { return exact_; }

private:
    bool exact_ = false;
    std::size_t most_ = 0;
};

}  // namespace report
