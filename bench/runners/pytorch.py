"""PyTorch: BENCH_THREADS threads; BENCH_MODE is eager, fused (its fused Adam) or compile (torch.compile and fused Adam). Requests and answers as in serve.mjs."""

import contextlib
import json
import os
import sys
import time

answers = sys.stdout
sys.stdout = sys.stderr  # standard output is for answers alone


def answer(**fields):
    answers.write(json.dumps(fields) + "\n")
    answers.flush()


try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except Exception as error:  # a broken installation fails in many ways
    answer(missing=str(error).split("\n")[0])
    sys.exit(0)

torch.set_num_threads(int(os.environ.get("BENCH_THREADS", "1")))
mode = os.environ.get("BENCH_MODE", "eager")
compiled = mode == "compile"


class Unsupported(Exception):
    """A workload that this contender does not do."""


class Mlp(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            x = layer(x if i == 0 else F.relu(x))
        return x


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 5, padding=2)
        self.fc1, self.fc2 = nn.Linear(7 * 7 * 64, 1024), nn.Linear(1024, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


class CharLstm(nn.Module):
    def __init__(self, vocabulary, hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, symbols):
        return self.head(self.lstm(self.embedding(symbols))[0])


class Block(nn.Module):
    """Attention and a hidden layer of four times the width, each behind a layer norm and around a residual connection."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, context, width = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, context, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, context, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, vocabulary, layers, width, heads, context):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, symbols):
        x = self.token(symbols) + self.position.weight[: symbols.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm around which the input is added, through a 1x1 convolution where sizes differ."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    """As for ImageNet (He et al., 2015): 7x7 convolution with stride 2, max pooling, four stages of two blocks."""

    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(64)
        widths = [64, 64, 128, 256, 512]
        self.stages = nn.Sequential(
            *(
                nn.Sequential(Residual(a, b, 1 if i == 0 else 2), Residual(b, b, 1))
                for i, (a, b) in enumerate(zip(widths, widths[1:]))
            )
        )
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.stem(x))), 3, 2, 1)
        return self.fc(self.stages(x).mean((2, 3)))


def model_of(spec):
    kind = spec["type"]
    if kind == "mlp":
        return Mlp(spec["sizes"])
    if kind == "lenet5":
        return LeNet5()
    if kind == "convnet":
        return ConvNet()
    if kind == "lstm":
        return CharLstm(spec["vocabulary"], spec["hidden"])
    if kind == "gpt":
        return Gpt(spec["vocabulary"], spec["layers"], spec["width"], spec["heads"], spec["context"])
    if kind == "resnet18":
        return ResNet18(spec["classes"])
    raise Unsupported(f"no model {kind}")


def data_of(spec, batch):
    """Input, labels and number of classes; images have their channels second."""
    kind = spec["type"]
    if kind in ("lstm", "gpt"):
        shape, classes = (batch, spec["steps" if kind == "lstm" else "context"]), spec["vocabulary"]
        return torch.randint(classes, shape), torch.randint(classes, shape), classes
    shape, classes = {
        "mlp": lambda: ((batch, spec["sizes"][0]), spec["sizes"][-1]),
        "lenet5": lambda: ((batch, 1, 28, 28), 10),
        "convnet": lambda: ((batch, 1, 28, 28), 10),
        "resnet18": lambda: ((batch, 3, spec["size"], spec["size"]), spec["classes"]),
    }[kind]()
    return torch.rand(shape) * 2 - 1, torch.randint(classes, (batch,)), classes


def layouts(model, x, make):
    """The step of `make(model, x)`; with images, that of the faster of the two memory layouts."""
    step = make(model, x)
    if x.dim() != 4:
        return step, None
    last = torch.channels_last

    def other():
        return make(model.to(memory_format=last), x.contiguous(memory_format=last))

    return step, other


def train(workload):
    spec, batch = workload["model"], workload["batch"]
    x, y, classes = data_of(spec, batch)
    model = model_of(spec)

    def make(model, x):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=mode != "eager")

        def loss_of(x, y):
            return F.cross_entropy(model(x).reshape(-1, classes), y.reshape(-1))

        loss_of = torch.compile(loss_of) if compiled else loss_of

        def step():
            optimizer.zero_grad()
            loss = loss_of(x, y)
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    return layouts(model, x, make), sum(p.numel() for p in model.parameters())


def infer(workload):
    spec, batch = workload["model"], workload["batch"]
    x, _, _ = data_of(spec, batch)
    model = model_of(spec).eval()
    fresh = workload.get("input") == "fresh"

    def make(model, x):
        forward = torch.compile(model) if compiled else model
        values = x.numpy()

        def step():
            with torch.inference_mode():
                return forward(torch.from_numpy(values.copy()) if fresh else x).numpy()

        return step

    return layouts(model, x, make), sum(p.numel() for p in model.parameters())


def matmul(workload):
    n = workload["size"]
    a, b = torch.rand(n, n), torch.rand(n, n)
    return (lambda: a @ b, None), f"{n},{n}"


def conv(workload):
    batch, size, channels, out = (workload[name] for name in ("batch", "size", "in", "out"))
    kernel, stride, padding, groups = (workload[name] for name in ("kernel", "stride", "padding", "groups"))
    to = (size + 2 * padding - kernel) // stride + 1
    x = torch.rand(batch, channels, size, size)
    w = torch.rand(out, channels // groups, kernel, kernel)
    ct = torch.rand(batch, out, to, to)
    # Shapes as in the other runners, with channels last.
    shapes = {
        "forward": (batch, to, to, out),
        "data": (batch, size, size, channels),
        "filter": (out, kernel, kernel, channels // groups),
    }
    mask = [workload["pass"] == "data", workload["pass"] == "filter", False]

    def make(x, w, ct):
        if workload["pass"] == "forward":
            return lambda: F.conv2d(x, w, None, stride, padding, 1, groups)
        zero = [0, 0]
        return lambda: torch.ops.aten.convolution_backward(
            ct, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, zero, groups, mask
        )

    def other():
        return make(*(array.contiguous(memory_format=torch.channels_last) for array in (x, w, ct)))

    return (make(x, w, ct), other), ",".join(map(str, shapes[workload["pass"]]))


def timed(step, calls=1):
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - start) * 1000 / calls


def shortest(step):
    """The best of a few calls, not counting the first."""
    timed(step)
    times, start = [], time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - start < 0.1 and len(times) < 100):
        times.append(timed(step))
    return min(times)


kinds = {"train": train, "infer": infer, "matmul": matmul, "conv": conv}


def prepare(workload):
    if compiled and workload["kind"] in ("matmul", "conv"):
        raise Unsupported("one operation: nothing to compile")
    (step, other), size = kinds[workload["kind"]](workload)
    first = timed(step)
    if other is not None and not compiled:
        # The layout of the model's weights is the last one that was asked for: each is asked for again where it wins.
        usual = shortest(step)
        changed = other()
        if shortest(changed) < usual:
            step = changed
        else:
            (step, _), _ = kinds[workload["kind"]](workload)
    return step, first, size


def main():
    answer(ready=f"PyTorch {torch.__version__.split('+')[0]}")
    step = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                step = None
                step, first, size = prepare(request["workload"])
                answer(first=first, size=str(size))
            else:
                answer(times=[timed(step, request["calls"]) for _ in range(request["samples"])])
        except Unsupported as reason:
            answer(unsupported=str(reason))
        except Exception as error:
            answer(error=str(error).strip().split("\n")[0] or type(error).__name__)


with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
    main()
