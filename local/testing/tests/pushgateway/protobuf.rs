//! Metric families in delimited protobuf, valid and not (`client_model`, `metrics.proto`).

/// A family with one metric.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    name: String,
    of_type: u64,
    labels: Vec<u8>,
    value: Vec<u8>,
    timestamp: Vec<u8>,
    has_metrics: bool,
}

impl Family {
    fn new(name: &str, of_type: u64, value: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            of_type,
            labels: Vec::new(),
            value,
            timestamp: Vec::new(),
            has_metrics: true,
        }
    }

    pub(crate) fn counter(name: &str, value: f64) -> Self {
        Self::new(name, 0, bytes(3, &double(1, value)))
    }

    pub(crate) fn gauge(name: &str, value: f64) -> Self {
        Self::new(name, 1, bytes(2, &double(1, value)))
    }

    /// Two observations, with the quantile 0.5.
    pub(crate) fn summary(name: &str) -> Self {
        let quantile = bytes(3, &[double(1, 0.5), double(2, 1.0)].concat());
        Self::new(name, 2, bytes(4, &[number(1, 2), double(2, 3.0), quantile].concat()))
    }

    /// Two observations, with the bucket 1.
    pub(crate) fn histogram(name: &str) -> Self {
        let bucket = bytes(3, &[number(1, 1), double(2, 1.0)].concat());
        Self::new(name, 4, bytes(7, &[number(1, 2), double(2, 3.0), bucket].concat()))
    }

    /// Two observations of schema 3 in one bucket.
    pub(crate) fn native_histogram(name: &str) -> Self {
        let span = bytes(12, &[number(1, 2), number(2, 1)].concat());
        let fields = [number(1, 2), double(2, 2.2), number(5, 6), double(6, 1e-128), span, number(13, 4)];
        Self::new(name, 4, bytes(7, &fields.concat()))
    }

    pub(crate) fn label(self, name: &str, value: &str) -> Self {
        self.label_bytes(name, value.as_bytes())
    }

    pub(crate) fn label_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.labels.extend(bytes(1, &[bytes(1, name.as_bytes()), bytes(2, value)].concat()));
        self
    }

    pub(crate) fn timestamp(mut self, ms: u64) -> Self {
        self.timestamp = number(6, ms);
        self
    }

    pub(crate) fn of_type(mut self, of_type: u64) -> Self {
        self.of_type = of_type;
        self
    }

    pub(crate) fn without_metrics(mut self) -> Self {
        self.has_metrics = false;
        self
    }

    pub(crate) fn without_value(mut self) -> Self {
        self.value.clear();
        self
    }

    fn encode(&self) -> Vec<u8> {
        let metric = bytes(4, &[&*self.labels, &*self.value, &*self.timestamp].concat());
        let mut family =
            [bytes(1, self.name.as_bytes()), bytes(2, b"Help."), number(3, self.of_type)].concat();
        if self.has_metrics {
            family.extend(metric);
        }
        family
    }
}

/// Each family after its length.
pub(crate) fn delimited(families: &[Family]) -> Vec<u8> {
    let encoded = families.iter().map(Family::encode);
    encoded.flat_map(|family| [varint(family.len() as u64), family].concat()).collect()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut encoded = Vec::new();
    while value >= 0x80 {
        encoded.push(u8::try_from(value & 0x7f).expect("7 bits") | 0x80);
        value >>= 7;
    }
    encoded.push(u8::try_from(value).expect("7 bits"));
    encoded
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn double(field: u64, value: f64) -> Vec<u8> {
    [varint(field << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}
