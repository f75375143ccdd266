"""The CUDA kernel: many tensors at once, each element read once and written once, and the change measured."""

# `rows` holds four numbers a tensor: the addresses of the reference and of the policy, the number of elements, and the
# first block that works on it. A block takes PIECE elements, and writes the squared length of its change to `squared`.
# Eight elements at a time make loads of 16 bytes; a shard of ZeRO-3 may begin at any address, and is taken one by one.
SOURCE = r"""
typedef unsigned short bfloat16;

template <typename T> struct __align__(16) Eight { T at[8]; };

__device__ float number(float x) { return x; }
__device__ float number(bfloat16 x) { return __uint_as_float((unsigned int)x << 16); }

__device__ void put(float &at, float x) { at = x; }
__device__ void put(bfloat16 &at, float x) {
  unsigned int bits = __float_as_uint(x);
  at = x != x ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;  // to nearest, ties to even
}

template <typename R, typename P> __device__ float moved(R &reference, P policy, float alpha) {
  float before = number(reference), change = number(policy) - before;
  put(reference, alpha == 1 ? number(policy) : before + alpha * change);
  return change * change;
}

extern "C" __global__ void blend(const long long *rows, int count, double share, float *squared) {
  int low = 0, high = count - 1;
  while (low < high) {
    int middle = (low + high + 1) / 2;
    if (rows[4 * middle + 3] <= blockIdx.x) low = middle; else high = middle - 1;
  }
  const long long *row = rows + 4 * low, first = (blockIdx.x - row[3]) * PIECE;
  REFERENCE *__restrict__ reference = (REFERENCE *)row[0] + first;
  const POLICY *__restrict__ policy = (const POLICY *)row[1] + first;
  int left = (int)(row[2] - first < PIECE ? row[2] - first : PIECE);
  int packed = (row[0] | row[1]) % 16 ? 0 : left / 8 * 8;
  float alpha = (float)share, sum = 0;
  for (int i = 8 * threadIdx.x; i < packed; i += 8 * THREADS) {
    Eight<REFERENCE> to = *(const Eight<REFERENCE> *)(reference + i);
    const Eight<POLICY> from = *(const Eight<POLICY> *)(policy + i);
#pragma unroll
    for (int k = 0; k < 8; k++) sum += moved(to.at[k], from.at[k], alpha);
    *(Eight<REFERENCE> *)(reference + i) = to;
  }
  for (int i = packed + threadIdx.x; i < left; i += THREADS) sum += moved(reference[i], policy[i], alpha);

  __shared__ float warps[THREADS / 32];
  for (int apart = 16; apart; apart /= 2) sum += __shfl_down_sync(0xffffffff, sum, apart);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < THREADS / 32; warp++) sum += warps[warp];
    squared[blockIdx.x] = sum * alpha * alpha;
  }
}
"""
