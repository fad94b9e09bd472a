// A backend is told a traversal.
// expect: Backend
#include <zeroth/zeroth.hpp>

#include <span>
#include <string>

struct Mine {
    std::string name() const { return "mine"; }
#if defined(ZEROTH_REFUSED)
    template <class D, class Operation>
    void traverse(std::span<const zeroth::Block>, const D&, const Operation&) const {}
#else
    template <class Operation, zeroth::Ray R>
    void traverse(const zeroth::Traversal<Operation, R>& traversal) const {
        zeroth::Reference{}.traverse(traversal);
    }
#endif
};

void train(const zeroth::Parameters& parameters) {
    zeroth::Cursor<zeroth::Gaussian, zeroth::InPlace, Mine> cursor{parameters, {}, {}, {}, 1.0, 1}; // refused here
    cursor.stand_at(zeroth::Term{});
}
