# One image for every process of the shop; docker-compose.yml says what each container runs.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 STATE_DIR=/state HOST=0.0.0.0
WORKDIR /app

# --build-arg REQUIREMENTS=stripe for PAYMENT_PROVIDER=stripe
ARG REQUIREMENTS=base
COPY requirements requirements
RUN pip install --require-hashes -r requirements/${REQUIREMENTS}.txt

COPY . .
RUN useradd --system --uid 10001 --home-dir /state orderwave && install -d -m 0700 -o orderwave /state
USER orderwave
VOLUME /state

EXPOSE 8000
CMD ["python", "-m", "server", "api.wsgi:app"]
