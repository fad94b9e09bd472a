#pragma once

#include <cstddef>
#include <functional>
#include <new>
#include <stdexcept>
#include <type_traits>

#include <sys/mman.h>

namespace finetune {

/// Values that a process shares with the ones it forks.
template <class Value>
class Shared {
    static_assert(std::is_trivially_copyable_v<Value>, "what several processes see must hold no pointers of one of them");

public:
    explicit Shared(std::size_t count = 1) : count_(count) {
        void* memory = ::mmap(nullptr, count * sizeof(Value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        values_ = static_cast<Value*>(memory);
        for (std::size_t i = 0; i < count; ++i) new (values_ + i) Value();
    }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    ~Shared() { ::munmap(values_, count_ * sizeof(Value)); }

    Value* begin() const { return values_; }
    Value* end() const { return values_ + count_; }
    std::size_t size() const { return count_; }
    Value& operator*() const { return *values_; }
    Value* operator->() const { return values_; }

private:
    std::size_t count_;
    Value* values_;
};

/// Runs `work` in a process of its own, so that the memory it uses can be told from everything else's, and waits for it: it ends with this one, and is interrupted when this one is. No thread
/// may have been started before. Throws std::runtime_error if it fails; its message has then been printed.
void run_apart(const std::function<void()>& work);

}  // namespace finetune
