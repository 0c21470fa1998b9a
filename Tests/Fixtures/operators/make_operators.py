"""The case table of the operators of peft.ops/1, with the results that NumPy and SciPy compute in float64.

    python3 -m venv .venv && .venv/bin/pip install numpy scipy && .venv/bin/python make_operators.py

writes operators.json beside this file. Every operand is a multiple of 1/1024 (or an integer), so float32 holds it too.
Gradients of operators are taken by the complex step: f'(x) = Im f(x + ih) / h, which loses no digits and shares no
formula with what it checks.

A case: op, integers and scalars (the attributes), operands and results ({shape, values, i32}; N, R and M in a shape are
-1, -2, -3), rows (the offsets of the rows' tokens), targets (M), draws (the numbers of a random operator's stream).
"""

import itertools
import json
import pathlib

import numpy as np
from scipy import special

rng = np.random.default_rng(20240607)
N, R, M = -1, -2, -3
cases = []
rows, targets = [0, 2, 5], 4


def size(shape):
    return tuple({N: rows[-1], R: len(rows) - 1, M: targets}.get(d, d) for d in shape)


class Operand:
    def __init__(self, shape, values, i32=False):
        self.shape, self.i32 = list(shape), i32
        self.values = np.asarray(values, np.float64).reshape(size(shape))


def grid(x):
    return np.round(np.asarray(x) * 1024) / 1024


def f(shape, low=-2.0, high=2.0):
    """Uniform."""
    return Operand(shape, grid(rng.uniform(low, high, size(shape))))


def off(shape):
    """At least 0.1 away from every integer."""
    return Operand(shape, grid(rng.integers(-4, 4, size(shape)) + rng.uniform(0.1, 0.9, size(shape))))


def apart(*shapes):
    """All elements of all operands at least 0.06 from each other."""
    counts = [int(np.prod(size(s))) for s in shapes]
    values = (rng.permutation(sum(counts)) - sum(counts) / 2) * 0.0625 + 0.03125
    return [Operand(s, v) for s, v in zip(shapes, np.split(values, np.cumsum(counts)[:-1]))]


def i(shape, low, high):
    return Operand(shape, rng.integers(low, high, size(shape)), True)


def like(shape, values):
    return Operand(shape, grid(values))


def case(op, operands, results, integers=(), scalars=(), draws=()):
    """results: (shape, values) or (shape, values, True) for i32."""

    def coded(o):
        flat = [int(v) if v == int(v) else v for v in o.values.ravel().tolist()] if np.isfinite(o.values).all() \
            else [str(v) if np.isinf(v) else v for v in o.values.ravel().tolist()]
        return {"shape": o.shape, "values": flat} | ({"i32": True} if o.i32 else {})

    entry = {"op": op, "operands": [coded(o) for o in operands], "results": [coded(Operand(*r)) for r in results]}
    if integers: entry["integers"] = list(map(int, integers))
    if scalars: entry["scalars"] = list(map(float, scalars))
    if len(draws): entry["draws"] = list(map(float, draws))
    if any(d < 0 for o in entry["operands"] + entry["results"] for d in o["shape"]):
        entry |= {"rows": rows, "targets": targets}
    cases.append(entry)


def complex_step(function, arrays, dy):
    """For each array the gradient of Σ function(*arrays) · dy."""
    gradients = []
    for which, array in enumerate(arrays):
        gradient = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            moved = [a.astype(complex) for a in arrays]
            moved[which][index] += 1e-30j
            gradient[index] = np.sum(function(*moved) * dy).imag / 1e-30
        gradients.append(gradient)
    return gradients


# --- element-wise

def sigmoid(x): return 1 / (1 + np.exp(-x))
def gelu(x): return x * 0.5 * (1 + special.erf(x / np.sqrt(2)))
def gelu_tanh(x): return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


positive = lambda s: f(s, 0.25, 4)
unary = {  # name: (function, operand, operator number)
    "neg": (np.negative, f, 20), "exp": (np.exp, f, 21), "log": (np.log, positive, 22), "sqrt": (np.sqrt, positive, 23),
    "abs": (np.abs, off, 24), "sin": (np.sin, f, 25), "cos": (np.cos, f, 26), "tanh": (np.tanh, f, 27),
    "sigmoid": (sigmoid, f, 28), "silu": (lambda x: x * sigmoid(x), lambda s: f(s, -5, 5), 29),
    "gelu": (gelu, lambda s: f(s, -4, 4), 30), "geluTanh": (gelu_tanh, lambda s: f(s, -4, 4), 31),
    "relu": (lambda x: np.maximum(x, 0), off, 32), "erf": (special.erf, f, 33), "floor": (np.floor, off, 34),
}
for op, (function, operand, number) in unary.items():
    for shape in [], [1], [0], [7], [3, 5], [2, 1, 3], [N, 4]:
        x = operand(shape)
        case(op, [x], [(shape, function(x.values))])
    if op in ("abs", "silu", "gelu", "geluTanh", "relu", "erf"):
        for shape in [0], [9], [N, 3]:
            x, dy = operand(shape), f(shape)
            if op == "abs":
                slope = np.sign(x.values)
            elif op == "relu":
                slope = (x.values > 0) * 1.0
            else:
                slope = function(x.values + 1e-30j).imag / 1e-30
            case("unaryGradient", [x, dy], [(shape, slope * dy.values)], [number])

pairs = [([], []), ([3], [3]), ([1], [4]), ([4], [1]), ([2, 1], [1, 3]), ([3], [2, 3]), ([], [2, 2]), ([0], [1]),
         ([0, 3], [3]), ([2, 1, 3], [5, 1]), ([N, 3], [3]), ([N, 1], [N, 4]), ([1, 3], [N, 1]), ([N], [])]


def stretched(a, b):
    if N in a + b:
        return [N] + list(np.broadcast_shapes(*[[1 if d == N else d for d in s] for s in (a, b)]))[1:]
    return list(np.broadcast_shapes(a, b))


binary = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power,
          "maximum": np.maximum, "minimum": np.minimum, "mod": np.mod, "equal": np.equal, "less": np.less,
          "lessEqual": np.less_equal}
for op, function in binary.items():
    for a, b in pairs:
        x, y = apart(a, b)
        if op in ("div", "mod"):
            y = like(b, np.where(y.values < 0, y.values - 0.5, y.values + 0.5))
        if op == "pow":
            x = positive(a)
        if op in ("equal", "lessEqual"):
            x, y = like(a, np.round(x.values)), like(b, np.round(y.values))
        case(op, [x, y], [(stretched(a, b), function(x.values, y.values))])
    if op in ("add", "sub", "mul", "maximum", "minimum", "equal", "less", "lessEqual"):
        x, y = i([2, 3], -5, 6), i([3], -5, 6)
        compares = op in ("equal", "less", "lessEqual")
        case(op, [x, y], [([2, 3], function(x.values, y.values), not compares)])
for c, a, b in ([], [], []), ([3], [3], [3]), ([2, 1], [3], []), ([N, 1], [N, 3], [3]), ([0], [], [1]):
    condition, x, y = Operand(c, rng.integers(0, 2, size(c))), f(a), f(b)
    shape = stretched(stretched(c, a), b)
    case("select", [condition, x, y], [(shape, np.where(condition.values != 0, x.values, y.values))])
x = off([2, 5])
case("cast", [x], [([2, 5], np.trunc(x.values), True)], [1])
x = i([N], -4, 9)
case("cast", [x], [([N], x.values)], [0])

# --- products

def matmul(a, b, ta, tb):
    a = np.swapaxes(a, -1, -2) if ta else a
    b = np.swapaxes(b, -1, -2) if tb else b
    return np.matmul(a, b)


for m, k, o in [(1, 1, 1), (2, 3, 4), (1, 5, 2), (3, 1, 1), (0, 2, 3), (2, 0, 3), (5, 4, 1)]:
    for ta, tb in itertools.product((0, 1), repeat=2):
        for batch_a, batch_b in [([], []), ([2], []), ([], [2]), ([2], [2]), ([1], [3]), ([2, 1], [3])]:
            if (m, k, o) not in [(2, 3, 4), (1, 5, 2)] and batch_a + batch_b not in ([], [2]):
                continue
            a = f(batch_a + ([k, m] if ta else [m, k]))
            b = f(batch_b + ([o, k] if tb else [k, o]))
            result = matmul(a.values, b.values, ta, tb)
            case("matmul", [a, b], [(result.shape, result)], [ta, tb])
for a, b, ta, tb, y in [([N, 4], [4, 3], 0, 0, [N, 3]), ([N, 4], [3, 4], 0, 1, [N, 3]), ([N, 4], [N, 3], 1, 0, [4, 3]),
                        ([N, 2, 3], [N, 3, 2], 0, 0, [N, 2, 2]), ([N, 2, 3], [3, 4], 0, 0, [N, 2, 4]),
                        ([N, 2, 3], [N, 2, 4], 1, 0, [N, 3, 4]), ([2, 3], [N, 3, 2], 0, 0, [N, 2, 2])]:
    a, b = f(a), f(b)
    case("matmul", [a, b], [(y, matmul(a.values, b.values, ta, tb))], [ta, tb])
for front in [], [3], [2, 3], [N], [N, 2], [0]:
    a, b = f(front + [3]), f(front + [2])
    result = a.values.reshape(-1, 3).T @ b.values.reshape(-1, 2)
    case("contract", [a, b], [([3, 2], result)])

# --- reductions

for shape in [], [4], [1], [2, 3], [2, 3, 2], [0, 3], [3, 0], [N, 3]:
    for count in range(len(shape) + 1):
        for axes in itertools.combinations(range(len(shape)), count):
            for keep in (0, 1):
                over = axes if axes else tuple(range(len(shape)))
                y = [(1 if a in over else d) for a, d in enumerate(shape) if keep or a not in over]
                for op, function in ("sum", np.sum), ("mean", np.mean), ("max", np.max):
                    x, = apart(shape)
                    if op != "sum" and (x.values.size == 0):
                        continue
                    case(op, [x], [(y, function(x.values, axis=over, keepdims=bool(keep)))], [keep, *axes])
                if 0 not in shape:
                    x, dy = apart(shape, y)
                    peak = x.values == np.max(x.values, axis=over, keepdims=True)
                    kept = dy.values.reshape([1 if a in over else d for a, d in enumerate(x.values.shape)])
                    case("maxGradient", [x, dy], [(shape, peak * kept)], [keep, *axes])

# --- the last axis

def softmax(x): return np.exp(x) / np.exp(x).sum(-1, keepdims=True)
def layer_norm(x, w, b, e):
    c = x - x.mean(-1, keepdims=True)
    return c / np.sqrt((c**2).mean(-1, keepdims=True) + e) * w + b
def rms_norm(x, w, e): return x / np.sqrt((x**2).mean(-1, keepdims=True) + e) * w


for shape in [1], [5], [2, 3], [2, 1], [0, 3], [2, 3, 4], [N, 4], [N, 2, 3]:
    x, w, b, dy, h = f(shape), f(shape[-1:]), f(shape[-1:]), f(shape), shape[-1]
    y = special.softmax(x.values, -1)
    case("softmax", [x], [(shape, y)])
    rounded = like(shape, y)
    case("softmaxGradient", [rounded, dy],
         [(shape, rounded.values * (dy.values - (rounded.values * dy.values).sum(-1, keepdims=True)))])
    for e in (1e-5, 0.125):
        mean = x.values.mean(-1)
        rstd = 1 / np.sqrt(x.values.var(-1) + e)
        case("layerNorm", [x, w, b], [(shape, layer_norm(x.values, w.values, b.values, e)), (shape[:-1], mean),
                                      (shape[:-1], rstd)], scalars=[e])
        dx, dw, db = complex_step(lambda x, w, b: layer_norm(x, w, b, e), [x.values, w.values, b.values], dy.values)
        if h > 1:
            case("layerNormGradient", [x, w, Operand(shape[:-1], mean), Operand(shape[:-1], rstd), dy],
                 [(shape, dx), ([h], dw), ([h], db)])
        rstd = 1 / np.sqrt((x.values**2).mean(-1) + e)
        case("rmsNorm", [x, w], [(shape, rms_norm(x.values, w.values, e)), (shape[:-1], rstd)], scalars=[e])
        dx, dw = complex_step(lambda x, w: rms_norm(x, w, e), [x.values, w.values], dy.values)
        case("rmsNormGradient", [x, w, Operand(shape[:-1], rstd), dy], [(shape, dx), ([h], dw)])


def cross_entropy(logits, labels):
    rows = np.arange(len(labels))
    return np.where(labels >= 0, np.log(np.exp(logits).sum(-1)) - logits[rows, np.maximum(labels, 0)], 0)


for first, classes in (M, 1), (M, 3), (M, 7), (3, 2), (0, 3), (N, 4):
    logits, labels, dloss = f([first, classes]), i([first], -1, classes), f([first])
    whole = labels.values.astype(int)
    case("crossEntropy", [logits, labels], [([first], cross_entropy(logits.values, whole))])
    dlogits, = complex_step(lambda x: cross_entropy(x, whole), [logits.values], dloss.values)
    case("crossEntropyGradient", [logits, labels, dloss], [([first, classes], dlogits)])

for heads, half, inverse in itertools.product((1, 3), (1, 2, 4), (0, 1)):
    x, angle = f([N, heads, 2 * half]), rng.uniform(-3, 3, size([N, half]))
    cos, sin = like([N, half], np.cos(angle)), like([N, half], np.sin(angle))
    c, s = cos.values[:, None, :], sin.values[:, None, :] * (-1 if inverse else 1)
    a, b = x.values[..., :half], x.values[..., half:]
    case("rope", [x, cos, sin], [(x.shape, np.concatenate([a * c - b * s, b * c + a * s], -1))], [inverse])

# --- attention

def row_of_token(): return np.repeat(np.arange(len(rows) - 1), np.diff(rows))


def attention(operands, mode, window, scale):
    """One softmax for each token and head, over a mask of everything there is."""
    q, k, v, *more = operands
    row = row_of_token()
    heads, groups = q.shape[1], k.shape[-2]
    out, lse = np.zeros(q.shape, q.dtype), np.zeros(q.shape[:2], q.dtype)
    for t, h in np.ndindex(q.shape[:2]):
        g = h // (heads // groups)
        pick = lambda x: (x[row[t]] if x.ndim == 4 else x)[:, g]
        if mode:
            keys, values = pick(k), pick(v)
        else:
            mask = (row == row[t]) & (np.arange(len(row)) <= t)
            keys, values = k[mask, g], v[mask, g]
            if more:
                keys = np.concatenate([pick(more[0]), keys])
                values = np.concatenate([pick(more[1]), values])
            keys, values = keys[-window:], values[-window:]  # of 0: all
        e = np.exp(scale * (keys @ q[t, h]))
        with np.errstate(divide="ignore"):
            lse[t, h] = np.log(e.sum())
        if len(e): out[t, h] = (e / e.sum()) @ values
    return out, lse


for rows in [0, 2, 5], [0, 1], [0, 0, 3], [0], [0, 0]:
    for h, g, d in (1, 1, 2), (4, 2, 3), (3, 1, 1):
        if rows != [0, 2, 5] and h != 4: continue
        settings = [(0, w, more) for w in (0, 1, 2) for more in ([], [2], [0], [R, 2])] + [(1, 0, [3]), (1, 0, [R, 2]), (1, 0, [0])]
        for mode, window, more in settings:
            if window and more in ([0], [2]): continue
            kv = more if mode else [N]
            operands = [f([N, h, d])] + [f(kv + [g, d]) for _ in "kv"]
            if not mode and more: operands += [f(more + [g, d]) for _ in "kv"]
            arrays, scale = [o.values for o in operands], 1 / np.sqrt(d)
            out, lse = attention(arrays, mode, window, scale)
            case("attention", operands, [([N, h, d], out), ([N, h], lse)], [mode, window], [scale])
            if rows == [0, 2, 5] and h == 4 or rows == [0, 0, 3]:
                dout = f([N, h, d])
                gradients = complex_step(lambda *x: attention(x, mode, window, scale)[0], arrays, dout.values)
                case("attentionGradient", operands + [Operand([N, h, d], out), Operand([N, h], lse), dout],
                     [(o.shape, g_) for o, g_ in zip(operands, gradients)], [mode, window], [scale])
rows = [0, 2, 5]

# --- structure

for a, b in ([6], [2, 3]), ([2, 3], [3, 2]), ([], [1, 1]), ([0, 2], [0]), ([N, 6], [N, 2, 3]), ([N], [N, 1]):
    x = f(a)
    case("reshape", [x], [(b, x.values)], b)
for order in [[0], [1, 0], *itertools.permutations(range(3))]:
    x = f([2, 3, 4][:len(order)])
    y = x.values.transpose(order)
    case("transpose", [x], [(y.shape, y)], order)
x = f([N, 2, 3])
case("transpose", [x], [([N, 3, 2], x.values.transpose(0, 2, 1))], [0, 2, 1])
for shape, axis, start, end in ([5], 0, 1, 4), ([5], 0, 0, 5), ([5], 0, 2, 2), ([3, 4], 0, 1, 2), ([3, 4], 1, 0, 3), ([N, 4], 1, 3, 4), ([2, 3, 2], 1, 1, 3):
    x = f(shape)
    y = x.values.take(range(start, end), axis)
    case("slice", [x], [([N, end - start] if N in shape else y.shape, y)], [axis, start, end])
for axis, shapes in (0, [[2], [3]]), (0, [[2, 3], [0, 3], [1, 3]]), (1, [[2, 1], [2, 2], [2, 3]]), (1, [[N, 2], [N, 1]]), (0, [[4]]):
    parts = [f(s) for s in shapes]
    y = np.concatenate([p.values for p in parts], axis)
    case("concat", parts, [([N, 3] if N in shapes[0] else y.shape, y)], [axis])
for a, b in ([], [3]), ([1], [4]), ([3], [2, 3]), ([2, 1], [2, 3]), ([1, 3], [N, 3]), ([], [N]), ([3], [N, 3]), ([1], [0]), ([2, 1, 2], [3, 2, 4, 2]):
    x = f(a)
    case("broadcast", [x], [(b, np.broadcast_to(x.values, size(b)))], b)
for table, shape in ([4], [3]), ([4, 2], [5]), ([3, 2], [2, 2]), ([5, 2], [N]), ([1, 1], []), ([3, 2], [0]):
    x, index = f(table), i(shape, 0, table[0])
    case("gather", [x, index], [(shape + table[1:], x.values[index.values.astype(int)])])
    updates = f(shape + table[1:])
    y = np.zeros(table)
    np.add.at(y, index.values.astype(int), updates.values)
    case("scatterAdd", [index, updates], [(table, y)], [table[0]])
index, updates = i([M], 0, 5), f([M, 2])
y = np.zeros((5, 2))
np.add.at(y, index.values.astype(int), updates.values)
case("scatterAdd", [index, updates], [([N, 2], y)], [N])
x, index = f([N, 2]), i([M], 0, 5)
case("gather", [x, index], [([M, 2], x.values[index.values.astype(int)])])
for rows in [0, 2, 5], [0, 3], [0, 0, 2, 2], [0]:
    for rest in [], [1], [2, 3]:
        x = f([R] + rest)
        case("rowGather", [x], [([N] + rest, x.values[row_of_token()])])
        x = f([N] + rest)
        parts = [x.values[a:b] for a, b in zip(rows, rows[1:])]
        zero = np.zeros(size(rest))
        case("rowSum", [x], [([R] + rest, np.array([p.sum(0) for p in parts]))])
        case("rowMean", [x], [([R] + rest, np.array([p.mean(0) if len(p) else zero for p in parts]))])
rows = [0, 2, 5]

# --- random streams

for shape in [4], [N, 3], [0], []:
    x, draws = f(shape), grid(rng.uniform(0, 1, size(shape)))
    for p in (0.25, 0.5):
        case("dropout", [x], [(shape, np.where(draws < p, 0, x.values / (1 - p)))], [0], [p], draws.ravel())
        case("bernoulli", [], [(shape, draws < p)], [1, 0, *shape], [p], draws.ravel())
    if N not in shape:
        case("uniform", [], [(shape, -2 + 5 * draws)], [2, 0, *shape], [-2, 3], draws.ravel())
        case("normal", [], [(shape, 1.5 + 0.25 * draws)], [3, 0, *shape], [1.5, 0.25], draws.ravel())
draws = [0.25, 0.75]
case("rowBernoulli", [], [([R], [1, 0])], [0], [0.5], draws)

# --- order

for shape in [5], [1], [2, 3], [2, 3, 2], [0], [N, 3]:
    x = f(shape)
    for axis in range(len(shape)):
        case("cumsum", [x], [(shape, x.values.cumsum(axis))], [axis])
    x = like(shape, np.round(x.values * 2) / 2)  # with ties
    order = np.argsort(x.values, -1, kind="stable")
    case("sort", [x], [(shape, np.take_along_axis(x.values, order, -1)), (shape, order, True)])
    for k in range(1, shape[-1] + 1):
        order = np.argsort(-x.values, -1, kind="stable")[..., :k]
        case("topK", [x], [(shape[:-1] + [k], np.take_along_axis(x.values, order, -1)), (shape[:-1] + [k], order, True)], [k])
    if x.values.size and N not in shape:
        for k in (-1, 0, 1, 3, 100):
            place = min(max(k, 1), x.values.size)
            case("kthValue", [x, Operand([], k)], [([], np.sort(x.values.ravel())[place - 1])])

# --- linear algebra

for n, width, batch in (1, 1, []), (2, 3, []), (4, 1, []), (5, 2, []), (3, 2, [2]):
    a, b = f(batch + [n, n]), f(batch + [n, width])
    a = like(a.shape, a.values + 3 * np.eye(n))
    case("solve", [a, b], [(b.shape, np.linalg.solve(a.values, b.values))])
    case("inverse", [a], [(a.shape, np.linalg.inv(a.values))])
a = Operand([2, 2], [[0, 1], [2, 0]])
case("inverse", [a], [([2, 2], np.linalg.inv(a.values))])
for m, n in (1, 1), (3, 1), (1, 3), (4, 2), (2, 4), (3, 3), (6, 5):
    a = f([m, n])
    q, r = np.linalg.qr(a.values)
    case("qr", [a], [(q.shape, q), (r.shape, r)])
    u, s, vt = np.linalg.svd(a.values, full_matrices=False)
    sign = np.sign(u[np.abs(u).argmax(0), range(u.shape[1])])
    case("svd", [a], [(u.shape, u * sign), (s.shape, s), (vt.shape, vt * sign[:, None])])

path = pathlib.Path(__file__).with_name("operators.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases,", path.stat().st_size, "bytes,", len({c["op"] for c in cases}), "operators")
