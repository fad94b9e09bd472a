// The perceptron's weights and forward passes on a device.

#include "device_trainer.hpp"

#include <cublas_v2.h>
#include <zeroth/cuda/backend.cuh>

#include <algorithm>
#include <stdexcept>
#include <type_traits>

namespace cuda_finetune {
namespace {

using zeroth::cuda::require_success;

constexpr int image_size = 784, classes = 10;
constexpr int threads = 256;

void require_success(cublasStatus_t status, const char* what) {
    if (status != CUBLAS_STATUS_SUCCESS) throw std::runtime_error(std::string(what) + ": " + cublasGetStatusString(status));
}

/// Memory of the device's.
template <class T>
class DeviceArray {
public:
    explicit DeviceArray(std::size_t size) : size_(size) { require_success(cudaMalloc(&data_, size * sizeof(T)), "cudaMalloc"); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    ~DeviceArray() { static_cast<void>(cudaFree(data_)); }

    T* data() const { return data_; }
    std::size_t size() const { return size_; }

private:
    T* data_ = nullptr;
    std::size_t size_;
};

class Stream {
public:
    Stream() { require_success(cudaStreamCreate(&stream_), "cudaStreamCreate"); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { static_cast<void>(cudaStreamDestroy(stream_)); }

    operator cudaStream_t() const { return stream_; }

private:
    cudaStream_t stream_ = nullptr;
};

/// Matrix products on a stream. A product of float32 is one of float32: TensorFloat-32 would round more than a perturbation moves.
class Products {
public:
    explicit Products(cudaStream_t stream) {
        require_success(cublasCreate(&handle_), "cublasCreate");
        require_success(cublasSetStream(handle_, stream), "cublasSetStream");
    }
    Products(const Products&) = delete;
    Products& operator=(const Products&) = delete;
    ~Products() { static_cast<void>(cublasDestroy(handle_)); }

    /// c = a b^T of row-major matrices, a: rows x depth, b: columns x depth.
    template <class Storage>
    void multiply(const Storage* a, const Storage* b, float* c, int rows, int columns, int depth) const {
        constexpr cudaDataType_t type = std::is_same_v<Storage, float> ? CUDA_R_32F : CUDA_R_16BF;
        const float one = 1, zero = 0;
        // cuBLAS is column-major, so it is told c^T = b a^T.
        require_success(cublasGemmEx(handle_, CUBLAS_OP_T, CUBLAS_OP_N, columns, rows, depth, &one, b, type, depth, a, type, depth, &zero, c,
                                     CUDA_R_32F, columns, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
                        "cublasGemmEx");
    }

private:
    cublasHandle_t handle_ = nullptr;
};

/// to = max(0, from + bias), for each row of a matrix.
template <class Storage>
__global__ void add_bias_and_rectify(const float* from, const Storage* bias, Storage* to, int rows, int columns) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < rows * columns) to[i] = Storage(fmaxf(from[i] + static_cast<float>(bias[i % columns]), 0.0f));
}

/// One thread block, whose threads' sums are added in an order of its own: the same scores give the same loss.
template <class Storage>
__global__ void take_score(const float* scores, const Storage* bias, const int* labels, int rows, Score* result) {
    __shared__ double loss[threads];
    __shared__ unsigned correct[threads];
    const unsigned self = threadIdx.x;
    loss[self] = 0;
    correct[self] = 0;
    for (int row = static_cast<int>(self); row < rows; row += threads) {
        float score[classes];
        float largest = -INFINITY;
        int best = 0;
        for (int k = 0; k < classes; ++k) {
            score[k] = scores[row * classes + k] + static_cast<float>(bias[k]);
            if (score[k] > largest) {
                largest = score[k];
                best = k;
            }
        }
        float sum = 0;
        for (const float value : score) sum += expf(value - largest);
        loss[self] += static_cast<double>(largest - score[labels[row]]) + log(static_cast<double>(sum));
        correct[self] += best == labels[row] ? 1 : 0;
    }
    for (unsigned half = threads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (self < half) {
            loss[self] += loss[self + half];
            correct[self] += correct[self + half];
        }
    }
    if (self == 0) *result = {loss[0] / rows, correct[0]};
}

template <class Storage>
class DeviceModel {
public:
    using Backend = zeroth::cuda::Backend<zeroth::ScalarTypes<Storage>>;

    DeviceModel(const files::Safetensors& weights, std::size_t max_images)
        : hidden_size_(static_cast<int>(weights.find("fc1.bias")->values.size())), images_(max_images * image_size), labels_(max_images),
          sums_(max_images * static_cast<std::size_t>(hidden_size_)), hidden_(sums_.size()), scores_(max_images * classes), score_(1),
          products_(stream_) {
        for (const files::Safetensors::Tensor& tensor : weights.tensors) {
            const std::vector<Storage> stored = stored_as<Storage>(tensor.values);
            tensors_.push_back({tensor.name, tensor.rows, tensor.columns, std::make_unique<DeviceArray<Storage>>(stored.size())});
            copy(tensors_.back().values->data(), stored.data(), stored.size(), cudaMemcpyHostToDevice);
        }
    }

    Backend backend() const { return Backend(stream_); }

    zeroth::Parameters parameters() const {
        zeroth::Parameters parameters;
        for (const Tensor& tensor : tensors_) {
            parameters.add(tensor.name, std::span{tensor.values->data(), tensor.values->size()}, {.rows = tensor.rows, .columns = tensor.columns},
                           {.space = zeroth::MemorySpace::device});
        }
        return parameters;
    }

    void load(std::span<const float> images, std::span<const int> labels) {
        const std::vector<Storage> stored = stored_as<Storage>(images);
        copy(images_.data(), stored.data(), stored.size(), cudaMemcpyHostToDevice);
        copy(labels_.data(), labels.data(), labels.size(), cudaMemcpyHostToDevice);
        rows_ = static_cast<int>(labels.size());
    }

    /// On the stream of the traversals, behind them.
    Score score() {
        products_.multiply(images_.data(), find("fc1.weight"), sums_.data(), rows_, hidden_size_, image_size);
        const int count = rows_ * hidden_size_;
        add_bias_and_rectify<<<static_cast<unsigned>((count + threads - 1) / threads), threads, 0, stream_>>>(
            sums_.data(), find("fc1.bias"), hidden_.data(), rows_, hidden_size_);
        products_.multiply(hidden_.data(), find("fc2.weight"), scores_.data(), rows_, classes, hidden_size_);
        take_score<<<1, threads, 0, stream_>>>(scores_.data(), find("fc2.bias"), labels_.data(), rows_, score_.data());
        require_success(cudaGetLastError(), "launching a forward pass");
        Score score;
        copy(&score, score_.data(), 1, cudaMemcpyDeviceToHost);
        return score;
    }

    std::vector<std::byte> weights() {
        std::vector<std::byte> bytes;
        for (const Tensor& tensor : tensors_) {
            const std::size_t before = bytes.size();
            bytes.resize(before + tensor.values->size() * sizeof(Storage));
            copy(reinterpret_cast<Storage*>(bytes.data() + before), tensor.values->data(), tensor.values->size(), cudaMemcpyDeviceToHost);
        }
        return bytes;
    }

private:
    struct Tensor {
        std::string name;
        std::size_t rows, columns;
        std::unique_ptr<DeviceArray<Storage>> values;
    };

    template <class To>
    static std::vector<To> stored_as(std::span<const float> values) {
        std::vector<To> stored;
        stored.reserve(values.size());
        for (const float value : values) stored.push_back(To(value));
        return stored;
    }

    /// Waits for it, and for what the stream was given before.
    template <class T>
    void copy(T* to, const T* from, std::size_t count, cudaMemcpyKind kind) {
        require_success(cudaMemcpyAsync(to, from, count * sizeof(T), kind, stream_), "cudaMemcpyAsync");
        require_success(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    }

    const Storage* find(const char* name) const {
        const auto found = std::find_if(tensors_.begin(), tensors_.end(), [&](const Tensor& tensor) { return tensor.name == name; });
        return found->values->data();
    }

    int hidden_size_;
    int rows_ = 0;
    Stream stream_;
    std::vector<Tensor> tensors_;
    DeviceArray<Storage> images_;
    DeviceArray<int> labels_;
    DeviceArray<float> sums_;
    DeviceArray<Storage> hidden_;
    DeviceArray<float> scores_;
    DeviceArray<Score> score_;
    Products products_;
};

}  // namespace

FoundDevice find_device() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess) return {.missing = cudaGetErrorString(status)};
    if (count == 0) return {.missing = "none was found"};
    int device = 0;
    require_success(cudaGetDevice(&device), "cudaGetDevice");
    cudaDeviceProp properties{};
    require_success(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    return {.name = properties.name};
}

std::unique_ptr<Trainer> make_device_trainer(const Method& method, const files::Safetensors& weights, std::size_t max_images) {
    return make_trainer<DeviceModel>(method, weights, max_images);
}

}  // namespace cuda_finetune
