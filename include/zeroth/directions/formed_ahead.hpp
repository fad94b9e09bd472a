#pragma once

#include <zeroth/ground/array.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// What a direction forms ahead for the keys of traversals, by its name (Value::name): a pool, a table, an epoch's factors.
///
/// What a traversal's keys ask for stays until the next traversal is over, so whatever the weights are displaced by is there for the way
/// back. Of the rest what was longest not asked for makes room; where there is none memory is taken for one more. A traversal's keys are
/// those asked for between one draw and the next.
template <class Value>
class FormedAhead {
  public:
    /// Takes the memory of the first `count` values, each by make().
    template <class Make>
    void reserve(std::size_t count, const Make& make) {
        slots_ = Array<Slot>(count);
        for (Slot& slot : slots_) {
            slot.value = make();
        }
        traversal_ = calls_ = 0;
        drawn_.lower();
    }
    /// To be called first for each key: the value of that name, null if there is none.
    template <class Name>
    Value* ask(const Name& name) noexcept {
        if (drawn_.raised()) {
            drawn_.lower();
            ++traversal_;
        }
        ++calls_;
        for (Slot& slot : slots_) {
            if (slot.called != 0 && slot.value.name == name) {
                slot.called = calls_;
                slot.traversal = traversal_;
                return &slot.value;
            }
        }
        return nullptr;
    }
    /// Where to form the value of a name that was asked for in vain. If make() throws, all is as it was.
    template <class Name, class Make>
    Value& make_room(const Name& name, const Make& make) {
        Slot* free = nullptr;
        for (Slot& slot : slots_) {
            if ((slot.called == 0 || slot.traversal + 1 < traversal_) && (free == nullptr || slot.called < free->called)) {
                free = &slot;
            }
        }
        if (free == nullptr) {
            Value value = make();
            Array<Slot> more(slots_.size() + 1);
            for (std::size_t s = 0; s < slots_.size(); ++s) {
                more[s] = std::move(slots_[s]);
            }
            slots_ = std::move(more);
            free = &slots_[slots_.size() - 1];
            free->value = std::move(value);
        }
        free->value.name = name;
        free->called = calls_;
        free->traversal = traversal_;
        return free->value;
    }
    /// For a draw; null if it was not formed. Any thread may call it.
    template <class Name>
    [[nodiscard]] const Value* find(const Name& name) const noexcept {
        drawn();
        for (const Slot& slot : slots_) {
            if (slot.called != 0 && slot.value.name == name) {
                return &slot.value;
            }
        }
        return nullptr;
    }
    /// Tells of a draw that finds its numbers otherwise.
    void drawn() const noexcept { drawn_.raise(); }
    /// Values that have memory.
    [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }

  private:
    struct Slot {
        Value value;
        /// The call that last asked for it; 0: none.
        std::uint64_t called = 0;
        /// And the traversal that it was for.
        std::uint64_t traversal = 0;
    };

    /// Raised by draws of all threads, looked at and lowered between them.
    class Flag {
      public:
        Flag() = default;
        Flag(const Flag& other) noexcept : raised_{other.raised()} {}
        Flag& operator=(const Flag& other) noexcept {
            raised_.store(other.raised(), std::memory_order_relaxed);
            return *this;
        }
        void raise() noexcept {
            if (!raised()) { // else the threads would take its line from each other
                raised_.store(true, std::memory_order_relaxed);
            }
        }
        void lower() noexcept { raised_.store(false, std::memory_order_relaxed); }
        [[nodiscard]] bool raised() const noexcept { return raised_.load(std::memory_order_relaxed); }

      private:
        std::atomic<bool> raised_{false};
    };

    Array<Slot> slots_;
    std::uint64_t calls_ = 0;
    std::uint64_t traversal_ = 0;
    mutable Flag drawn_;
};

ZEROTH_END_NAMESPACE
