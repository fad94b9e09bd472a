#pragma once

#include <zeroth/ground/array.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// What rays have formed ahead for the keys of traversals, by its name (Value::name): a pool, a table, an epoch's factors, a key's norms.
///
/// What a traversal was prepared with stays until the next one is over, so whatever the weights are displaced by is there for the way back. Of
/// the rest what was longest not asked for makes room; where there is none memory is taken for one more.
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
    }

    /// Once before a traversal: leaves in places[k] the place of the value of names name_of(keys[k]); those that are not there are formed by
    /// form(k, value), in the memory of others or of make(). What throws leaves all the values that were there.
    template <class Key, class NameOf, class Make, class Form>
    void prepare(std::span<const Key> keys, std::size_t* places, const NameOf& name_of, const Make& make, const Form& form) {
        ++traversal_;
        for (std::size_t k = 0; k < keys.size(); ++k) { // first all that stay
            places[k] = find(name_of(keys[k]));
            if (places[k] < slots_.size()) {
                touch(slots_[places[k]]);
            }
        }
        for (std::size_t k = 0; k < keys.size(); ++k) {
            const auto name = name_of(keys[k]);
            places[k] = find(name);
            if (places[k] == slots_.size()) {
                Slot& slot = make_room(make);
                places[k] = static_cast<std::size_t>(&slot - slots_.data());
                slot.called = 0; // not to be found before it is formed
                slot.value.name = name;
                form(k, slot.value);
            }
            touch(slots_[places[k]]);
        }
    }
    [[nodiscard]] const Value& operator[](std::size_t place) const noexcept { return slots_[place].value; }
    /// Values that have memory.
    [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
    /// The place of a name; size() if it is not there.
    template <class Name>
    [[nodiscard]] std::size_t find(const Name& name) const noexcept {
        std::size_t s = 0;
        while (s < slots_.size() && !(slots_[s].called != 0 && slots_[s].value.name == name)) {
            ++s;
        }
        return s;
    }

  private:
    struct Slot {
        Value value;
        /// The call that last asked for it; 0: none.
        std::uint64_t called = 0;
        /// And the traversal that it was for.
        std::uint64_t traversal = 0;
    };

    void touch(Slot& slot) noexcept {
        slot.called = ++calls_;
        slot.traversal = traversal_;
    }
    template <class Make>
    Slot& make_room(const Make& make) {
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
        return *free;
    }

    Array<Slot> slots_;
    std::uint64_t calls_ = 0;
    std::uint64_t traversal_ = 0;
};

ZEROTH_END_NAMESPACE
